#include "hdrext.h"

#include <string.h>

#include "../text.h"

#define NS_HDREXT "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0"
#define AUDIO_LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

enum { OUR_ID = 1, MAX_ID = 14, MAX_SEEN = 32 };	/* MAX_ID: of headers of one byte (RFC 8285 4.2) */

void hdrext_propose(struct media_params *p)
{
	p->level_id = OUR_ID;
	p->tx_level = p->rx_level = true;
}

void hdrext_write(struct elem *description, const struct media_params *p, gboolean we_offer)
{
	struct elem *e;

	if (!p->level_id)
		return;
	e = elem_add(description, "rtp-hdrext", NS_HDREXT);
	elem_set(e, "uri", AUDIO_LEVEL);
	elem_setf(e, "id", "%u", p->level_id);
	if (p->tx_level != p->rx_level)			/* "both" is the default */
		elem_set(e, "senders", p->tx_level == we_offer ? "initiator" : "responder");
}

static const struct elem *find(const struct elem *description, guint64 *id)
{
	const struct elem *e = elem_child(description, "rtp-hdrext", NS_HDREXT);

	for (unsigned seen = 0; e && seen < MAX_SEEN; e = elem_next(e, "rtp-hdrext", NS_HDREXT), seen++) {
		const char *number = elem_attr(e, "id");

		if (g_strcmp0(elem_attr(e, "uri"), AUDIO_LEVEL) == 0 && number && text_uint(number, 1, MAX_ID, id))
			return e;
	}
	return NULL;
}

void hdrext_read(struct media_params *p, const struct elem *theirs, gboolean we_offered)
{
	guint64 id = 0;
	const struct elem *e = find(theirs, &id);
	const char *senders = e ? elem_attr(e, "senders") : NULL;
	gboolean both = !senders || strcmp(senders, "both") == 0;
	gboolean initiator = both || g_strcmp0(senders, "initiator") == 0, responder = both || g_strcmp0(senders, "responder") == 0;

	if (!e || (we_offered && id != p->level_id) || !(initiator || responder)) {
		p->level_id = 0;
		p->tx_level = p->rx_level = false;
		return;
	}
	p->level_id = (uint8_t)id;
	p->tx_level = we_offered ? initiator : responder;
	p->rx_level = we_offered ? responder : initiator;
}
