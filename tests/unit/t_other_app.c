/* The session core serves any application (XEP-0166 "Concepts"): file transfer, written as another struct jingle_app, beside real
 * RTP audio, and neither the core nor RTP knows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "file_app.h"
#include "jfake.h"
#include "jingle/rtp.h"
#include "jingle/session.h"
#include "xml.h"

struct side {
	struct jingle_session *s;
	struct jfake fake;		/* transports and keys */
	struct rtp_app *rtp;
	struct file_app file;
	unsigned events[JINGLE_EV_ENDED + 1];
	struct jingle_out ended;
	enum iq_cond answer;		/* to our last request */
};

struct pair { struct side him, her; };

/* FIRST: what he offers. */
static struct pair *open_pair(const struct jingle_app *first)
{
	const struct rtp_wishes wishes = {.ptime_ms = 20, .bitrate_bps = 32000};
	struct pair *p = g_new0(struct pair, 1);
	struct side *sides[] = {&p->him, &p->her};

	for (int i = 0; i < 2; i++) {
		struct side *s = sides[i];
		struct jingle_plugs plugs = jfake_plugs(&s->fake);
		struct jingle_what audio, file = {&file_app, &s->file};

		s->rtp = rtp_app_new(&wishes, 1, "name");
		s->file = (struct file_app){.name = "letter.txt", .size = 1234, .most = 1000000};
		audio = (struct jingle_what){&jingle_rtp, s->rtp};
		plugs.apps[0] = first == &file_app ? file : audio;
		plugs.apps[1] = first == &file_app ? audio : file;
		plugs.napps = 2;
		s->s = (i == 0 ? jingle_dial : jingle_incoming)("s1", i ? "her@b/2" : "him@a/1", i ? "him@a/1" : "her@b/2", &plugs);
	}
	return p;
}

static void close_pair(struct pair *p)
{
	struct side *sides[] = {&p->him, &p->her};

	for (int i = 0; i < 2; i++) {
		jingle_free(sides[i]->s);
		rtp_app_free(sides[i]->rtp);
		g_free(sides[i]->file.got_name);
	}
	g_free(p);
}

/* Carries what FROM says to TO, and its answer back. */
static gboolean carry(struct side *from, struct side *to)
{
	struct jingle_out out;
	struct jingle_msg m;

	if (!jingle_next(from->s, &out))
		return FALSE;
	if (out.kind == JINGLE_OUT_EVENT) {
		from->events[out.event]++;
		from->ended = out;
		return TRUE;
	}
	from->answer = jingle_msg_read(&m, out.jingle);
	if (from->answer == COND_OK)
		from->answer = jingle_recv(to->s, &m, 0);
	jingle_acked(from->s, out.tag, from->answer, 0);
	elem_free(out.jingle);
	return TRUE;
}

static void talk(struct pair *p)
{
	while (carry(&p->him, &p->her) || carry(&p->her, &p->him))
		;
}

static void accept_offer(struct pair *p)
{
	jingle_start(p->him.s, 0);
	talk(p);
	assert_int_equal(p->her.events[JINGLE_EV_INCOMING], 1);
	jingle_accept(p->her.s, 0);
	talk(p);
	assert_int_equal(p->him.events[JINGLE_EV_ACCEPTED], 1);
	assert_int_equal(p->her.events[JINGLE_EV_ACCEPTED], 1);
}

static void a_file_is_offered_accepted_and_reported_as_received(void **state)
{
	struct pair *p = open_pair(&file_app);

	accept_offer(p);
	assert_string_equal(p->her.file.got_name, "letter.txt");
	assert_int_equal(p->her.file.got_size, 1234);
	assert_true(p->him.file.range);
	jingle_info(p->her.s, elem_new("received", NS_FILE), 0);
	talk(p);
	assert_int_equal(p->her.answer, COND_OK);
	assert_true(p->him.file.received);
	jingle_end(p->her.s, JC_OK, NULL, 0);
	talk(p);
	assert_int_equal(p->him.ended.err, JC_OK);
	assert_int_equal(p->him.ended.reason, REASON_SUCCESS);
	close_pair(p);
}

static void the_same_device_takes_calls(void **state)
{
	struct pair *p = open_pair(&jingle_rtp);
	struct media_params params;

	accept_offer(p);
	rtp_app_params(p->her.rtp, &params);
	assert_int_equal(params.codec, CODEC_OPUS);
	assert_null(p->her.file.got_name);
	close_pair(p);
}

static void infos_of_one_application_are_nothing_to_the_other(void **state)
{
	struct pair *p = open_pair(&file_app);

	accept_offer(p);
	jingle_info(p->him.s, elem_new("hold", NS_RTP_INFO), 0);
	talk(p);
	assert_int_equal(p->him.answer, COND_UNSUPPORTED_INFO);
	assert_int_equal(rtp_app_flags(p->her.rtp), 0);
	assert_int_equal(p->her.events[JINGLE_EV_ENDED], 0);
	close_pair(p);
}

static void a_file_too_large_is_refused_for_its_parameters(void **state)
{
	struct pair *p = open_pair(&file_app);

	p->him.file.size = 2000000;
	jingle_start(p->him.s, 0);
	talk(p);
	assert_int_equal(p->him.events[JINGLE_EV_ENDED], 1);
	assert_int_equal(p->him.ended.reason, REASON_INCOMPATIBLE_PARAMETERS);
	close_pair(p);
}

static void an_application_that_nobody_wrote_is_unsupported(void **state)
{
	struct pair *p = open_pair(&jingle_rtp);
	elem_auto offer = xml("<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1' initiator='him@a/1'><content "
		"creator='initiator' name='x'><description xmlns='urn:example:chess'/><transport "
		"xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content></jingle>");
	struct jingle_msg m;

	assert_int_equal(jingle_msg_read(&m, offer), COND_OK);
	assert_int_equal(jingle_recv(p->her.s, &m, 0), COND_OK);
	talk(p);
	assert_int_equal(p->her.ended.err, JC_UNSUPPORTED_APP);
	close_pair(p);
}

/* A file beside the voice: the voice is taken, for it comes first, and the file is removed. */
static void of_two_contents_the_first_that_suits_is_taken_whatever_it_is(void **state)
{
	for (int file_first = 0; file_first < 2; file_first++) {
		static const char audio[] = "<content creator='initiator' name='a'><description xmlns='urn:xmpp:jingle:apps:rtp:1' "
			"media='audio'><payload-type id='111' name='opus'/><rtcp-mux/></description><transport "
			"xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>";
		static const char file[] = "<content creator='initiator' name='f'><description xmlns='" NS_FILE "'><file><name>x</name>"
			"<size>5</size></file></description><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></content>";
		g_autofree char *text = g_strdup_printf("<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1' "
			"initiator='him@a/1'>%s%s</jingle>", file_first ? file : audio, file_first ? audio : file);
		struct pair *p = open_pair(&jingle_rtp);
		elem_auto offer = xml(text);
		struct jingle_msg m;

		assert_int_equal(jingle_msg_read(&m, offer), COND_OK);
		assert_int_equal(jingle_recv(p->her.s, &m, 0), COND_OK);
		assert_int_equal(p->her.file.got_name != NULL, file_first);
		close_pair(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_offered_accepted_and_reported_as_received),
		cmocka_unit_test(the_same_device_takes_calls),
		cmocka_unit_test(infos_of_one_application_are_nothing_to_the_other),
		cmocka_unit_test(a_file_too_large_is_refused_for_its_parameters),
		cmocka_unit_test(an_application_that_nobody_wrote_is_unsupported),
		cmocka_unit_test(of_two_contents_the_first_that_suits_is_taken_whatever_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
