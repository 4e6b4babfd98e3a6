/* Which header extensions are offered, answered and taken: XEP-0294, and of them RFC 6464's alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "jingle/rtp.h"
#include "lib/xml.h"

#define D "xmlns='urn:xmpp:jingle:apps:rtp:1'"
#define HDREXT "xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'"
#define LEVEL(id, more) "<rtp-hdrext " HDREXT " uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level' id='" id "'" more "/>"

static struct rtp_wishes wishes = {.codecs = {{CODEC_OPUS}, 1}, .ptime_ms = 20, .bitrate_bps = 32000, .complexity = 9};

static int setup(void **state)
{
	*state = rtp_app_new(&wishes, 305419896, "4f1d9a2b-77c0");
	return 0;
}

static int teardown(void **state)
{
	rtp_app_free(*state);
	return 0;
}

static struct media_params params(const struct rtp_app *a)
{
	struct media_params p;

	rtp_app_params(a, &p);
	return p;
}

static enum jc_err answer(struct rtp_app *a, const char *text)
{
	elem_auto e = xml(text);

	return jingle_rtp.answer(a, e);
}

#define OPUS98 "<payload-type id='98' name='opus' clockrate='48000' channels='2'/>"
#define WITH(extensions) "<description " D " media='audio'>" OPUS98 extensions "<rtcp-mux/></description>"

static void assert_level(struct rtp_app *a, unsigned id, gboolean tx, gboolean rx)
{
	assert_int_equal(params(a).level_id, id);
	assert_int_equal(params(a).tx_level, tx);
	assert_int_equal(params(a).rx_level, rx);
}

static const struct elem *level_of(const struct elem *description)
{
	return elem_child(description, "rtp-hdrext", "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0");
}

static void of_the_extensions_offered_only_the_level_is_kept_as_it_was(void **state)
{
	elem_auto reply = NULL;

	assert_int_equal(answer(*state, WITH("<rtp-hdrext " HDREXT " uri='urn:ietf:params:rtp-hdrext:toffset' id='2'/>" LEVEL("7", "")
					     "<extmap-allow-mixed " HDREXT "/>")), JC_OK);
	assert_level(*state, 7, TRUE, TRUE);
	reply = jingle_rtp.reply(*state);
	assert_string_equal(elem_attr(level_of(reply), "id"), "7");
	assert_null(elem_attr(level_of(reply), "senders"));
	assert_null(elem_next(level_of(reply), "rtp-hdrext", NULL));
	assert_null(elem_child(reply, "extmap-allow-mixed", NULL));
}

static void what_was_not_offered_is_not_answered(void **state)
{
	elem_auto reply = NULL;

	assert_int_equal(answer(*state, WITH("")), JC_OK);
	assert_level(*state, 0, FALSE, FALSE);
	reply = jingle_rtp.reply(*state);
	assert_null(level_of(reply));
}

static void who_tells_levels_is_as_the_offer_says(void **state)
{
	static const struct {
		const char *senders;
		unsigned id;
		gboolean tx, rx;
	} table[] = {{"initiator", 3, FALSE, TRUE}, {"responder", 3, TRUE, FALSE}, {"both", 3, TRUE, TRUE}, {"none", 0, FALSE, FALSE},
		     {"?", 0, FALSE, FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		g_autofree char *text = g_strdup_printf(WITH(LEVEL("3", " senders='%s'")), table[i].senders);
		elem_auto reply = NULL;

		assert_int_equal(answer(*state, text), JC_OK);
		assert_level(*state, table[i].id, table[i].tx, table[i].rx);
		reply = jingle_rtp.reply(*state);
		assert_int_equal(level_of(reply) != NULL, table[i].id != 0);
		if (table[i].tx != table[i].rx)
			assert_string_equal(elem_attr(level_of(reply), "senders"), table[i].senders);
	}
}

static void an_id_that_does_not_fit_into_one_byte_is_not_taken(void **state)
{
	static const char *const ids[] = {"0", "15", "4907", "-1", "x", ""};

	for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
		g_autofree char *text = g_strdup_printf(WITH(LEVEL("%s", "")), ids[i]);

		assert_int_equal(answer(*state, text), JC_OK);
		assert_level(*state, 0, FALSE, FALSE);
	}
}

static void an_answer_keeps_lessens_or_drops_what_we_offered(void **state)
{
	static const struct {
		const char *extension;
		unsigned id;
		gboolean tx, rx;
	} table[] = {{LEVEL("1", ""), 1, TRUE, TRUE}, {LEVEL("1", " senders='initiator'"), 1, TRUE, FALSE},
		     {LEVEL("1", " senders='responder'"), 1, FALSE, TRUE}, {"", 0, FALSE, FALSE}, {LEVEL("2", ""), 0, FALSE, FALSE}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct rtp_app *a = rtp_app_new(&wishes, 1, "c");
		g_autofree char *text = g_strdup_printf("<description " D " media='audio'><payload-type id='111' name='opus' "
							"clockrate='48000' channels='2'/>%s<rtcp-mux/></description>", table[i].extension);
		elem_auto theirs = xml(text);
		elem_auto offer = jingle_rtp.offer(a);

		assert_non_null(level_of(offer));
		assert_int_equal(jingle_rtp.agree(a, theirs), JC_OK);
		assert_level(a, table[i].id, table[i].tx, table[i].rx);
		rtp_app_free(a);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(of_the_extensions_offered_only_the_level_is_kept_as_it_was),
		T(what_was_not_offered_is_not_answered),
		T(who_tells_levels_is_as_the_offer_says),
		T(an_id_that_does_not_fit_into_one_byte_is_not_taken),
		T(an_answer_keeps_lessens_or_drops_what_we_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
