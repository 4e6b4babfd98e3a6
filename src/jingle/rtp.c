#include "rtp.h"

#include <string.h>

#include "../log.h"
#include "../text.h"

#define NS_SSMA "urn:xmpp:jingle:apps:rtp:ssma:0"

enum { OPUS_PT = 111, MIN_BITRATE = 6000 };

struct hears {				/* what the peer says of his decoder; 0: nothing */
	guint64 ptime_ms, minptime_ms, maxptime_ms, maxaverage_bps;
	gboolean fec, dtx;
};

struct rtp_app {
	struct rtp_wishes wishes;
	struct media_params params;
	struct hears hears;
	unsigned flags;
};

struct rtp_app *rtp_app_new(const struct rtp_wishes *wishes, uint32_t ssrc, const char *cname)
{
	struct rtp_app *a = g_new0(struct rtp_app, 1);

	a->wishes = *wishes;
	a->params = (struct media_params){.codec = CODEC_OPUS, .tx_pt = OPUS_PT, .rx_pt = OPUS_PT,
		.ptime_ms = wishes->ptime_ms, .bitrate_bps = wishes->bitrate_bps, .complexity = wishes->complexity,
		.tx_ssrc = ssrc};
	g_strlcpy(a->params.cname, cname, sizeof(a->params.cname));
	return a;
}

void rtp_app_free(struct rtp_app *a)
{
	g_free(a);
}

void rtp_app_params(const struct rtp_app *a, struct media_params *out)
{
	*out = a->params;
}

unsigned rtp_app_flags(const struct rtp_app *a)
{
	return a->flags;
}

/* ---- writing ---- */

static void add_parameter(struct elem *payload, const char *name, const char *value)
{
	struct elem *p = elem_add(payload, "parameter", NULL);

	elem_set(p, "name", name);
	elem_set(p, "value", value);
}

/* Rule R18: id, name, clockrate and channels always, each parameter with a value, booleans as 0 and 1. */
static struct elem *describe(const struct rtp_app *a, unsigned pt)
{
	struct elem *d = elem_new("description", NS_RTP), *payload, *source;

	elem_set(d, "media", "audio");
	payload = elem_add(d, "payload-type", NULL);
	elem_setf(payload, "id", "%u", pt);
	elem_set(payload, "name", "opus");
	elem_set(payload, "clockrate", "48000");
	elem_set(payload, "channels", "2");
	elem_setf(payload, "ptime", "%u", a->params.ptime_ms);
	add_parameter(payload, "minptime", "10");
	add_parameter(payload, "useinbandfec", "1");
	if (a->wishes.dtx)
		add_parameter(payload, "usedtx", "1");
	if (a->params.cname[0]) {		/* a value must not be empty (rules R18, R20) */
		source = elem_add(d, "source", NS_SSMA);
		elem_setf(source, "ssrc", "%u", a->params.tx_ssrc);
		add_parameter(source, "cname", a->params.cname);
	}
	elem_add(d, "rtcp-mux", NULL);
	return d;
}

static gboolean is_audio(const struct elem *description)
{
	const char *media = elem_attr(description, "media");

	return !media || strcmp(media, "audio") == 0;
}

static struct elem *offer(void *self)
{
	struct rtp_app *a = self;

	return describe(a, OPUS_PT);
}

static struct elem *reply(void *self)
{
	struct rtp_app *a = self;

	return describe(a, a->params.rx_pt);	/* the offerer's number, rule R18 */
}

/* ---- reading ---- */

static gboolean is_opus(const struct elem *payload, guint64 *pt)
{
	const char *name = elem_attr(payload, "name"), *clock = elem_attr(payload, "clockrate");
	guint64 hz = 48000;

	/* libpurple writes OPUS, Gajim leaves channels out, and libpurple says 0 of them: the RTP format is the same. With
	 * the marker bit, 64 to 95 look like RTCP on a shared port (RFC 5761 4). */
	return name && g_ascii_strcasecmp(name, "opus") == 0 && text_uint(elem_attr(payload, "id"), 0, 127, pt) &&
		(*pt < 64 || *pt > 95) && (!clock || (text_uint(clock, 1, 1000000, &hz) && hz == 48000));
}

/* Several payloads may be Opus, and several may share a number (libpurple, QXmpp). ONLY: of this number; -1: any. */
static const struct elem *find_opus(const struct elem *description, int only, uint8_t *pt)
{
	unsigned seen = 0;

	for (const struct elem *p = elem_child(description, "payload-type", NULL); p && seen < MAX_PAYLOAD_TYPES;
	     p = elem_next(p, "payload-type", NULL), seen++) {
		guint64 number;

		if (is_opus(p, &number) && (only < 0 || number == (guint64)only)) {
			*pt = (uint8_t)number;
			return p;
		}
	}
	return NULL;
}

static const char *parameter(const struct elem *payload, const char *name)
{
	for (const struct elem *p = elem_child(payload, "parameter", NULL); p; p = elem_next(p, "parameter", NULL))
		if (g_strcmp0(elem_attr(p, "name"), name) == 0)
			return elem_attr(p, "value");
	return NULL;
}

static gboolean flag(const struct elem *payload, const char *name, gboolean otherwise)
{
	const char *value = parameter(payload, name);

	return value ? strcmp(value, "1") == 0 || g_ascii_strcasecmp(value, "true") == 0 : otherwise;
}

static guint64 number(const struct elem *payload, const char *attr, guint64 min, guint64 max, guint64 otherwise)
{
	const char *text = elem_attr(payload, attr);
	guint64 value = otherwise;

	text_uint(text ? text : parameter(payload, attr), min, max, &value);
	return value;
}

/* How long our frames may be: our wish, unless the peer asks for another or cannot take it. What he can take comes before
 * what he wants. */
static unsigned choose_ptime(const struct rtp_app *a)
{
	static const unsigned usable[] = {20, 40, 60};
	guint64 wanted = a->hears.ptime_ms ? a->hears.ptime_ms : a->wishes.ptime_ms;
	guint64 longest = a->hears.maxptime_ms ? a->hears.maxptime_ms : 60;
	unsigned best = 10;

	for (size_t i = 0; i < G_N_ELEMENTS(usable); i++)
		if (usable[i] <= longest && (usable[i] <= wanted || best < a->hears.minptime_ms))
			best = usable[i];
	return best;
}

/* What the peer says of his Opus decoder governs what we send (RFC 7587 6.1). What he leaves out stays as it was. */
static void hear(struct rtp_app *a, const struct elem *payload)
{
	struct hears *h = &a->hears;
	guint64 most;

	h->ptime_ms = number(payload, "ptime", 3, 1000, h->ptime_ms);
	h->minptime_ms = number(payload, "minptime", 3, 120, h->minptime_ms);
	h->maxptime_ms = number(payload, "maxptime", 3, 1000, h->maxptime_ms);
	h->maxaverage_bps = number(payload, "maxaveragebitrate", 1, 1000000, h->maxaverage_bps);
	h->fec = flag(payload, "useinbandfec", h->fec);
	h->dtx = flag(payload, "usedtx", h->dtx);
	most = h->maxaverage_bps ? h->maxaverage_bps : a->wishes.bitrate_bps;
	a->params.ptime_ms = choose_ptime(a);
	a->params.bitrate_bps = (unsigned)MAX(MIN(most, a->wishes.bitrate_bps), MIN_BITRATE);
	a->params.fec = a->wishes.fec && h->fec;
	a->params.dtx = a->wishes.dtx && h->dtx;
}

static gboolean has_rtcp_mux(const struct elem *description)
{
	if (elem_child(description, "rtcp-mux", NULL))
		return TRUE;
	log_info("rtp", "the peer's client cannot put RTCP on the port of RTP (rtcp-mux), which this call needs");
	return FALSE;
}

/* The common part of an offer and of an answer: the peer's Opus, whose number we send with. */
static enum jc_err judge(struct rtp_app *a, const struct elem *theirs)
{
	const struct elem *opus;

	if (!is_audio(theirs))
		return JC_UNSUPPORTED_APP;
	opus = find_opus(theirs, -1, &a->params.tx_pt);
	if (!opus || !has_rtcp_mux(theirs))
		return JC_NO_CODEC;
	a->hears = (struct hears){0};
	hear(a, opus);
	return JC_OK;
}

static enum jc_err answer(void *self, const struct elem *theirs)
{
	struct rtp_app *a = self;
	enum jc_err err = judge(a, theirs);

	a->params.rx_pt = a->params.tx_pt;
	return err;
}

static enum jc_err agree(void *self, const struct elem *theirs)
{
	return judge(self, theirs);
}

/* "Purely advisory", and only what has changed (XEP-0167 "Negotiation of Parameters"). */
static enum iq_cond description_info(void *self, const struct elem *theirs)
{
	struct rtp_app *a = self;
	const struct elem *opus = find_opus(theirs, a->params.tx_pt, &a->params.tx_pt);

	if (opus)
		hear(a, opus);
	return COND_OK;
}

static enum iq_cond session_info(void *self, const struct elem *payload)
{
	static const struct {
		const char *name;
		unsigned set, clear;
	} table[] = {			/* XEP-0167 "Informational Messages" */
		{"ringing", RTP_PEER_RINGING, 0}, {"hold", RTP_HELD_BY_PEER, 0}, {"unhold", 0, RTP_HELD_BY_PEER},
		{"mute", RTP_MUTED_BY_PEER, 0}, {"unmute", 0, RTP_MUTED_BY_PEER},
		{"active", 0, RTP_HELD_BY_PEER | RTP_MUTED_BY_PEER}};
	struct rtp_app *a = self;

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
		if (elem_is(payload, table[i].name, NS_RTP_INFO)) {
			a->flags = (a->flags | table[i].set) & ~table[i].clear;
			return COND_OK;
		}
	return COND_UNSUPPORTED_INFO;
}

const struct jingle_app jingle_rtp = {.ns = NS_RTP, .match = is_audio, .offer = offer, .answer = answer, .reply = reply, .agree = agree,
				      .description_info = description_info, .session_info = session_info,
				      .errors_ns = NS_RTP_ERRORS, .keys_missing = "crypto-required",
				      .keys_invalid = "invalid-crypto"};
