/* Two whole calls: who listens to both sides of one, from when to when, and how loud it plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call_pair.h"

struct ears {			/* its counts are the media thread's to write */
	struct audio_tap tap;
	atomic_uint sent, heard, loud, peak;
	unsigned released;
};

static unsigned peak_of(const gint16 *pcm, size_t n)
{
	unsigned peak = 0;

	for (size_t i = 0; i < n; i++)
		peak = MAX(peak, (unsigned)abs(pcm[i]));
	return peak;
}

static void on_sent(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
	((struct ears *)self)->sent++;
}

static void on_listened(void *self, const gint16 *pcm, size_t n, gint64 at_us)
{
	struct ears *e = self;

	e->heard++;
	if (peak_of(pcm, n) > 1000)
		e->loud++;
}

static void on_released(void *ctx)
{
	((struct ears *)ctx)->released++;
}

static struct ears *ears_new(void)
{
	struct ears *e = g_new0(struct ears, 1);

	e->tap = (struct audio_tap){.sent = on_sent, .heard = on_listened, .self = e};
	return e;
}

static void wait_more(atomic_uint *count)
{
	unsigned before = *count;

	for (int i = 0; i < 20 * PATIENCE_S && *count < before + 5; i++)
		let_pass(50);
	assert_true(*count >= before + 5);
}

static void who_listens_hears_both_sides_from_the_accept_on_until_he_is_released(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);
	struct ears *e = ears_new();
	unsigned sent, heard;

	call_record(p->romeo.call, &e->tap, NULL, NULL);
	assert_false(call_is_accepted(p->romeo.call));
	assert_int_equal(e->sent + e->heard, 0);
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	wait_more(&e->sent);
	wait_more(&e->loud);
	call_record(p->romeo.call, NULL, on_released, e);
	wait_for(&e->released);
	sent = e->sent;
	heard = e->heard;
	let_pass(200);
	assert_int_equal(e->sent, sent);
	assert_int_equal(e->heard, heard);
	close_pair(p);
	g_free(e);
}

static void another_takes_his_place_without_a_gap(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);
	struct ears *e = ears_new(), *other = ears_new();

	assert_heard_by(p, TRANSPORT_ICE_UDP);
	call_record(p->romeo.call, &e->tap, NULL, NULL);
	wait_more(&e->sent);
	call_record(p->romeo.call, &other->tap, on_released, e);
	wait_for(&e->released);
	g_free(e);				/* nobody calls it any more */
	wait_more(&other->sent);
	close_pair(p);
	g_free(other);
}

static void he_is_released_from_a_call_that_was_never_accepted(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);
	struct ears *e = ears_new();

	call_record(p->romeo.call, &e->tap, NULL, NULL);
	call_record(p->romeo.call, NULL, on_released, e);
	wait_for(&e->released);
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	let_pass(200);
	assert_int_equal(e->sent + e->heard, 0);
	close_pair(p);
	g_free(e);
}

/* ---- loudness ---- */

static struct ears *player;
static struct audio_out played;

static void write_and_look(void *self, const gint16 *pcm, size_t n)
{
	player->peak = peak_of(pcm, n);
	played.write(self, pcm, n);
}

static void wait_peak(unsigned least, unsigned most)
{
	for (int i = 0; i < 20 * PATIENCE_S && (player->peak < least || player->peak > most); i++)
		let_pass(50);
	assert_in_range(player->peak, least, most);
}

static void what_is_heard_is_as_loud_as_the_user_wants_it(void **state)
{
	struct pair *p = start_pair((struct transport_list)ICE, (struct transport_list)ICE, FALSE);
	unsigned usual;

	player = ears_new();
	played = p->romeo.ends.out;
	p->romeo.ends.out.write = write_and_look;
	call_volume(p->romeo.call, 0);				/* before there is sound */
	assert_heard_by(p, TRANSPORT_ICE_UDP);
	let_pass(300);
	assert_int_equal(player->peak, 0);
	call_volume(p->romeo.call, 100);
	wait_peak(2000, 32767);
	let_pass(300);
	usual = player->peak;
	call_volume(p->romeo.call, 50);
	wait_peak(usual / 2 - usual / 8, usual / 2 + usual / 8);
	close_pair(p);
	g_free(player);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_listens_hears_both_sides_from_the_accept_on_until_he_is_released),
		cmocka_unit_test(another_takes_his_place_without_a_gap),
		cmocka_unit_test(he_is_released_from_a_call_that_was_never_accepted),
		cmocka_unit_test(what_is_heard_is_as_loud_as_the_user_wants_it),
	};

	return cmocka_run_group_tests(tests, open_all, stop_all);
}
