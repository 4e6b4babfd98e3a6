/* The pump of a call tells how loud its packets are, and hears who speaks (RFC 6464). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/engine_rig.h"

enum { ID = 5 };

/* The octet in the last packet it sent; -1: none. */
static int told(struct rig *f)
{
	struct rtp_header h;
	const uint8_t *payload, *octet;
	size_t len;

	assert_true(rtp_read(f->last_rtp, f->last_rtp_len, &h, &payload, &len));
	octet = rtp_extension(&h, ID, &len);
	return octet ? *octet : -1;
}

static void tells(struct rig *f)
{
	f->params.level_id = ID;
	f->params.tx_level = true;
	rig_start(f);
}

static void packets_of_speech_tell_their_level_and_silence_tells_127(void **state)
{
	struct rig *f = *state;

	tells(f);
	rig_run(f, S);
	assert_true(f->rtps > 40);
	assert_in_range(told(f) & 0x7f, 3, 60);
	engine_mute(f->e, TRUE);
	rig_run(f, S);
	assert_int_equal(told(f), 127);
}

static void the_sound_is_the_same_with_and_without_levels(void **state)
{
	struct rig *f = *state;
	uint8_t plain[1500], *payload = plain + RTP_HEADER;
	size_t len;

	rig_start(f);
	rig_run(f, S / 2);
	assert_int_equal(told(f), -1);
	len = f->last_rtp_len;
	memcpy(plain, f->last_rtp, len);
	engine_free(f->e);
	f->e = NULL;
	fake_out_clear(&f->out);
	f->rtps = 0;
	f->now = START;
	f->in.taken = 0;
	tells(f);
	rig_run(f, S / 2);
	assert_int_equal(f->last_rtp_len, len + RTP_LEVEL);
	assert_memory_equal(f->last_rtp + RTP_HEADER_MAX, payload, len - RTP_HEADER);
}

static void hear_frames(struct rig *f, struct encoder *e, const gint16 *pcm, uint8_t octet, uint16_t seq, int packets)
{
	for (int i = 0; i < packets; i++) {
		uint8_t pkt[RTP_HEADER_MAX + CODEC_MAX_PAYLOAD];
		struct rtp_header h = {.pt = 96, .seq = (uint16_t)(seq + i), .ts = (uint32_t)(seq + i) * FRAME, .ssrc = 7,
				       .level_id = ID, .level = octet};
		size_t head = rtp_write(pkt, &h);
		int len = encoder_encode(e, pcm, FRAME, pkt + head, CODEC_MAX_PAYLOAD);

		assert_true(len > 0);
		assert_true(engine_rtp(f->e, pkt, head + (size_t)len, f->now));
		rig_run(f, FRAME_US);
	}
}

static void who_tells_of_levels_is_believed_whatever_his_sound_is(void **state)
{
	struct rig *f = *state;
	struct encoder *e = encoder_new(&f->params, NULL);
	static const gint16 silence[FRAME];

	f->params.level_id = ID;
	f->params.rx_level = true;
	rig_start(f);
	hear_frames(f, e, silence, 127, 0, 50);
	assert_false(engine_is_spoken_to(f->e, f->now));
	hear_frames(f, e, silence, 25, 50, 10);			/* without the bit for voice, which not all set */
	assert_true(engine_is_spoken_to(f->e, f->now));
	hear_frames(f, e, silence, 127, 60, 50);
	assert_false(engine_is_spoken_to(f->e, f->now));
	encoder_free(e);
}

static void what_nobody_agreed_upon_is_not_read(void **state)
{
	struct rig *f = *state;
	struct encoder *e = encoder_new(&f->params, NULL);
	static const gint16 silence[FRAME];

	rig_start(f);
	hear_frames(f, e, silence, 25, 0, 50);
	assert_false(engine_is_spoken_to(f->e, f->now));
	encoder_free(e);
}

static void of_who_tells_nothing_the_sound_speaks(void **state)
{
	struct rig *f = *state;
	struct encoder *e = encoder_new(&f->params, NULL);

	rig_start(f);
	assert_false(engine_is_spoken_to(f->e, f->now));
	rig_hear_for(f, e, 7, 0, 50);
	assert_true(engine_is_spoken_to(f->e, f->now));
	rig_run(f, 2 * S);
	assert_false(engine_is_spoken_to(f->e, f->now));
	encoder_free(e);
}

static void on_hold_nobody_is_heard_speaking(void **state)
{
	struct rig *f = *state;
	struct encoder *e = encoder_new(&f->params, NULL);

	f->params.level_id = ID;
	f->params.rx_level = true;
	rig_start(f);
	engine_hold(f->e, FALSE, FALSE);
	hear_frames(f, e, f->speech, 25, 0, 50);
	assert_false(engine_is_spoken_to(f->e, f->now));
	encoder_free(e);
}

#define with(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with(packets_of_speech_tell_their_level_and_silence_tells_127),
		with(the_sound_is_the_same_with_and_without_levels),
		with(who_tells_of_levels_is_believed_whatever_his_sound_is),
		with(what_nobody_agreed_upon_is_not_read),
		with(of_who_tells_nothing_the_sound_speaks),
		with(on_hold_nobody_is_heard_speaking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
