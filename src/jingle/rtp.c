#include "rtp.h"

#include <string.h>

#include "../text.h"
#include "hdrext.h"
#include "payload.h"

#define NS_SSMA "urn:xmpp:jingle:apps:rtp:ssma:0"
#define NS_DTMF "urn:xmpp:jingle:dtmf:0"

enum { MIN_BITRATE = 6000 };

static const struct codec_list every = {.kind = {CODEC_OPUS, CODEC_G722, CODEC_PCMU, CODEC_PCMA}, .count = 4};

struct hears {				/* what the peer says of his decoder; 0: nothing */
	guint64 ptime_ms, minptime_ms, maxptime_ms, maxaverage_bps;
	gboolean fec, dtx;
};

struct rtp_app {
	struct rtp_wishes wishes;
	struct media_params params;
	struct hears hears;
	unsigned flags;
	char digits[RTP_DIGITS];		/* that were signalled, and not asked for yet */
	size_t digit_count;
	const char *why;			/* what it takes no offer or answer for, in words; NULL: none */
};

/* Of an offer what it has of this codec, with its number (rule R18); with our own where there is no offer yet. */
static void announce(struct media_params *p, enum media_codec codec, const struct elem *offer)
{
	uint8_t pt = payload_number(codec);

	if (offer && !payload_find(offer, codec, -1, &pt))
		return;
	for (size_t i = 0; i < p->rx_count; i++)
		if (p->rx[i].pt == pt)		/* libpurple gives one number to several; the better has it */
			return;
	p->rx[p->rx_count++] = (struct payload_type){.pt = pt, .codec = codec};
}

/* Of what is announced so far. */
static gboolean has_clock(const struct media_params *p, unsigned hz)
{
	for (size_t i = 0; i < p->rx_count; i++)
		if (payload_clock_hz(p->rx[i].codec) == hz)
			return TRUE;
	return FALSE;
}

/* Comfort noise comes in the pauses of codecs that have no other silence, touch tones by the clock of the sound they interrupt;
 * last of all, for Dino takes the first for the codec. */
static void announce_all(struct media_params *p, const struct codec_list *wanted, const struct elem *offer)
{
	p->rx_count = 0;
	for (size_t i = 0; i < wanted->count; i++)
		announce(p, wanted->kind[i], offer);
	if (p->rx_count == 0)
		return;
	if (has_clock(p, 8000)) {
		announce(p, CODEC_CN, offer);
		announce(p, CODEC_EVENT, offer);
	}
	if (has_clock(p, 48000))
		announce(p, CODEC_EVENT_48, offer);
}

struct rtp_app *rtp_app_new(const struct rtp_wishes *wishes, uint32_t ssrc, const char *cname)
{
	struct rtp_app *a = g_new0(struct rtp_app, 1);

	a->wishes = *wishes;
	if (a->wishes.codecs.count == 0)
		a->wishes.codecs = every;
	a->params = (struct media_params){.codec = a->wishes.codecs.kind[0], .tx_pt = payload_number(a->wishes.codecs.kind[0]),
		.ptime_ms = wishes->ptime_ms, .bitrate_bps = wishes->bitrate_bps, .complexity = wishes->complexity,
		.tx_ssrc = ssrc};
	g_strlcpy(a->params.cname, cname, sizeof(a->params.cname));
	announce_all(&a->params, &a->wishes.codecs, NULL);
	hdrext_propose(&a->params);
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

size_t rtp_app_digits(struct rtp_app *a, char out[RTP_DIGITS])
{
	size_t n = a->digit_count;

	memcpy(out, a->digits, n);
	a->digit_count = 0;
	return n;
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

static void add_payload(const struct rtp_app *a, struct elem *description, const struct payload_type *type)
{
	struct elem *payload = payload_add(description, type);

	if (type->codec < CODEC_CN)		/* and no range of events: an unnamed parameter breaks clients (rule R18) */
		elem_setf(payload, "ptime", "%u", a->params.ptime_ms);
	if (type->codec != CODEC_OPUS)
		return;
	add_parameter(payload, "minptime", "10");
	add_parameter(payload, "useinbandfec", "1");
	if (a->wishes.dtx)
		add_parameter(payload, "usedtx", "1");
}

/* Rule R18: each parameter with a value, booleans as 0 and 1. */
static struct elem *describe(const struct rtp_app *a, gboolean we_offer)
{
	struct elem *d = elem_new("description", NS_RTP), *source;

	elem_set(d, "media", "audio");
	for (size_t i = 0; i < a->params.rx_count; i++)
		add_payload(a, d, &a->params.rx[i]);
	if (a->params.cname[0]) {		/* a value must not be empty (rules R18, R20) */
		source = elem_add(d, "source", NS_SSMA);
		elem_setf(source, "ssrc", "%u", a->params.tx_ssrc);
		add_parameter(source, "cname", a->params.cname);
	}
	hdrext_write(d, &a->params, we_offer);
	elem_add(d, "rtcp-mux", NULL);
	return d;
}

static struct elem *offer(void *self)
{
	return describe(self, TRUE);
}

static struct elem *reply(void *self)
{
	return describe(self, FALSE);
}

static gboolean is_audio(const struct elem *description)
{
	const char *media = elem_attr(description, "media");

	return !media || strcmp(media, "audio") == 0;
}

/* ---- reading ---- */

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

/* What the peer says of his decoder governs what we send (RFC 7587 6.1). What he leaves out stays as it was. */
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

static enum jc_err judge(struct rtp_app *a, const struct elem *theirs)
{
	a->why = NULL;
	if (!is_audio(theirs))
		return JC_UNSUPPORTED_APP;
	if (elem_child(theirs, "rtcp-mux", NULL))
		return JC_OK;
	a->why = "its client cannot put RTCP on the port of RTP (rtcp-mux)";
	return JC_NO_CODEC;
}

static const char *why(void *self)
{
	return ((struct rtp_app *)self)->why;
}

/* How the peer takes touch tones: best by the clock of what we send (RFC 4733 2.3). */
static void find_events(struct media_params *p, const struct elem *theirs)
{
	enum media_codec like = payload_clock_hz(p->codec) == 48000 ? CODEC_EVENT_48 : CODEC_EVENT;
	enum media_codec other = like == CODEC_EVENT ? CODEC_EVENT_48 : CODEC_EVENT;

	p->event_hz = 0;
	if (payload_find(theirs, like, -1, &p->event_pt))
		p->event_hz = payload_clock_hz(like);
	else if (payload_find(theirs, other, -1, &p->event_pt))
		p->event_hz = payload_clock_hz(other);
}

static enum jc_err use(struct rtp_app *a, const struct elem *theirs, const struct elem *payload, const struct payload_type *type)
{
	a->params.codec = type->codec;
	a->params.tx_pt = type->pt;
	a->hears = (struct hears){0};
	hear(a, payload);
	find_events(&a->params, theirs);
	return JC_OK;
}

/* Of an offer we send what we like best. */
static enum jc_err answer(void *self, const struct elem *theirs)
{
	struct rtp_app *a = self;
	enum jc_err err = judge(a, theirs);
	struct payload_type best;

	if (err)
		return err;
	announce_all(&a->params, &a->wishes.codecs, theirs);
	if (!a->params.rx_count)
		return JC_NO_CODEC;
	hdrext_read(&a->params, theirs, FALSE);
	best = a->params.rx[0];
	return use(a, theirs, payload_find(theirs, best.codec, best.pt, &best.pt), &best);
}

static gboolean offered(const struct rtp_app *a, enum media_codec codec)
{
	for (size_t i = 0; i < a->params.rx_count; i++)
		if (a->params.rx[i].codec == codec)
			return codec < CODEC_CN;
	return FALSE;
}

/* Of an answer we send what the responder likes best: its first that we have ("Negotiating a Jingle RTP Session"). */
static enum jc_err agree(void *self, const struct elem *theirs)
{
	struct rtp_app *a = self;
	enum jc_err err = judge(a, theirs);
	unsigned seen = 0;

	for (const struct elem *p = elem_child(theirs, "payload-type", NULL); !err && p && seen < MAX_PAYLOAD_TYPES;
	     p = elem_next(p, "payload-type", NULL), seen++) {
		struct payload_type type;

		if (payload_read(p, &type) && offered(a, type.codec)) {
			hdrext_read(&a->params, theirs, TRUE);
			return use(a, theirs, p, &type);
		}
	}
	return err ? err : JC_NO_CODEC;
}

/* "Purely advisory", and only what has changed (XEP-0167 "Negotiation of Parameters"). */
static enum iq_cond description_info(void *self, const struct elem *theirs)
{
	struct rtp_app *a = self;
	const struct elem *payload = payload_find(theirs, a->params.codec, a->params.tx_pt, &a->params.tx_pt);

	if (payload)
		hear(a, payload);
	return COND_OK;
}

/* XEP-0181 "Format". Digits may be a secret: where they have a place in the encrypted media, nothing else is taken (XEP-0166
 * "Security Preconditions", XEP-0181 4). What lasts no time is ignored, as it says; what ends a key press that was told by its beginning, as
 * earlier versions had it, likewise. */
static enum iq_cond signalled_digit(struct rtp_app *a, const struct elem *dtmf)
{
	const char *code = elem_attr(dtmf, "code"), *duration = elem_attr(dtmf, "duration");
	struct media_params params;

	if (!elem_is(dtmf, "dtmf", NULL))
		return COND_UNSUPPORTED_INFO;
	rtp_app_params(a, &params);
	if (params.event_hz)
		return COND_SECURITY_REQUIRED;
	if (!code || !*code)
		return COND_BAD_REQUEST;
	if (code[1] || !strchr("0123456789*#ABCD", *code))
		return COND_FEATURE_NOT_IMPLEMENTED;
	if (duration && *duration && strspn(duration, "0") == strlen(duration))
		return COND_OK;
	if (g_strcmp0(elem_attr(dtmf, "action"), "button-up") == 0)
		return COND_OK;
	if (a->digit_count == RTP_DIGITS)
		return COND_RESOURCE_CONSTRAINT;
	a->digits[a->digit_count++] = *code;
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
	return elem_is(payload, NULL, NS_DTMF) ? signalled_digit(a, payload) : COND_UNSUPPORTED_INFO;
}

const struct jingle_app jingle_rtp = {.ns = NS_RTP, .name = "audio", .ringing_ns = NS_RTP_INFO, .match = is_audio, .offer = offer, .answer = answer, .reply = reply, .agree = agree,
				      .description_info = description_info, .session_info = session_info,
				      .errors_ns = NS_RTP_ERRORS, .keys_missing = "crypto-required",
				      .keys_invalid = "invalid-crypto", .why = why};
