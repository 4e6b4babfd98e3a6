/* hdrext.h - the RTP header extension that tells how loud a packet is: XEP-0294 for RFC 6464's ssrc-audio-level, the only one we
 * have; others are left out of our answers, and so declined. Pure. */
#ifndef JCALL_JINGLE_HDREXT_H
#define JCALL_JINGLE_HDREXT_H

#include "../elem.h"
#include "../types.h"

/* Ours, before the other side has said anything: both may tell. */
void hdrext_propose(struct media_params *p);
/* Adds to DESCRIPTION what P says; in an answer as it was offered, which is what WE_OFFER tells. */
void hdrext_write(struct elem *description, const struct media_params *p, gboolean we_offer);
/* What THEIRS says of it into P: an offer of the peer's, or, with WE_OFFERED, his answer to ours. Nothing there, or nothing we
 * could do: no levels. */
void hdrext_read(struct media_params *p, const struct elem *theirs, gboolean we_offered);

#endif
