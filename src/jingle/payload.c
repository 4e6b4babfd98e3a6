#include "payload.h"

#include "../text.h"

static const struct format {
	const char *name;
	unsigned clock_hz, channels;
	uint8_t pt;
} formats[CODEC_COUNT] = {		/* RFC 3551 table 4; where that has none, what the browsers use */
	[CODEC_OPUS] = {"opus", 48000, 2, 111},
	[CODEC_G722] = {"G722", 8000, 1, 9},
	[CODEC_PCMU] = {"PCMU", 8000, 1, 0},
	[CODEC_PCMA] = {"PCMA", 8000, 1, 8},
	[CODEC_CN] = {"CN", 8000, 1, 13},
	[CODEC_EVENT] = {"telephone-event", 8000, 1, 126}, [CODEC_EVENT_48] = {"telephone-event", 48000, 1, 110}};

unsigned payload_clock_hz(enum media_codec codec)
{
	return formats[codec].clock_hz;
}

uint8_t payload_number(enum media_codec codec)
{
	return formats[codec].pt;
}

static gboolean is_named(const struct elem *payload, enum media_codec codec, guint64 pt)
{
	const char *name = elem_attr(payload, "name");

	return name ? g_ascii_strcasecmp(name, formats[codec].name) == 0 : formats[codec].pt < 96 && pt == formats[codec].pt;
}

static gboolean is_clocked(const struct elem *payload, enum media_codec codec)
{
	const char *text = elem_attr(payload, "clockrate");
	guint64 hz;

	return !text || (text_uint(text, 1, 1000000, &hz) && hz == formats[codec].clock_hz);
}

/* Of Opus, 2 channels are the form and say nothing (RFC 7587 7); Gajim leaves them out. libpurple says 0 of whatever it has. */
static gboolean is_mono(const struct elem *payload, enum media_codec codec)
{
	const char *text = elem_attr(payload, "channels");
	guint64 n;

	return codec == CODEC_OPUS || !text || text_uint(text, 0, 1, &n);
}

gboolean payload_read(const struct elem *payload, struct payload_type *out)
{
	guint64 pt;

	/* With the marker bit, 64 to 95 look like RTCP on a shared port (RFC 5761 4). */
	if (!text_uint(elem_attr(payload, "id"), 0, 127, &pt) || (pt >= 64 && pt <= 95))
		return FALSE;
	for (unsigned codec = 0; codec < CODEC_COUNT; codec++) {
		if (!is_named(payload, codec, pt) || !is_mono(payload, codec) || !is_clocked(payload, codec))
			continue;
		*out = (struct payload_type){.pt = (uint8_t)pt, .codec = codec};
		return TRUE;
	}
	return FALSE;
}

/* Several payloads may be of one codec, and several may share a number (libpurple, QXmpp). */
const struct elem *payload_find(const struct elem *description, enum media_codec codec, int only, uint8_t *pt)
{
	unsigned seen = 0;

	for (const struct elem *p = elem_child(description, "payload-type", NULL); p && seen < MAX_PAYLOAD_TYPES;
	     p = elem_next(p, "payload-type", NULL), seen++) {
		struct payload_type type;

		if (payload_read(p, &type) && type.codec == codec && (only < 0 || type.pt == only)) {
			*pt = type.pt;
			return p;
		}
	}
	return NULL;
}

struct elem *payload_add(struct elem *description, const struct payload_type *type)
{
	const struct format *f = &formats[type->codec];
	struct elem *payload = elem_add(description, "payload-type", NULL);

	elem_setf(payload, "id", "%u", type->pt);
	elem_set(payload, "name", f->name);
	elem_setf(payload, "clockrate", "%u", f->clock_hz);
	elem_setf(payload, "channels", "%u", f->channels);
	return payload;
}
