/* sdes.h - the CONDITION: SDES, XEP-0167 "Negotiation of SRTP", RFC 4568: SRTP keys as they are, in <encryption/> inside
 * <description/>. Whoever carries the stanzas can read them, so the user has to switch it on.
 *
 * The offer has a <crypto/> of each suite, strongest first, each with a key of its own, and required='1'. The accept has one: the
 * first of the offer that is usable, with its tag and a key of ours. A line is passed over when anything in it is unknown,
 * malformed or weakens the protection (RFC 4568 6.3: UNENCRYPTED_SRTP, …), when it has several keys, an MKI, or a KDR other than
 * 0; a lifetime is no matter, no call lasts that long.
 * JC_SECURITY: no usable line, or two with one tag; an answer with none or several, with a tag that was not offered, another suite
 * than that tag's, or a key of ours sent back; later anything else than what was agreed. What `required` asks for is done
 * always: without keys there is no call. DTLS-SRTP beside it is another condition's matter. */
#ifndef JCALL_JINGLE_SDES_H
#define JCALL_JINGLE_SDES_H

#include "../types.h"
#include "plug.h"

extern const struct jingle_keying jingle_sdes;		/* its self: struct sdes */

struct sdes;
/* RANDOM fills OUT with LEN bytes that nobody can guess; it must not fail, and is called while an offer or accept is written. */
struct sdes *sdes_new(void (*random)(uint8_t *out, size_t len));
void         sdes_free(struct sdes *s);			/* all keys are wiped; NULL is fine */
/* What we send with and what the peer sends with; the caller wipes both. FALSE: one side has not spoken yet (initiator: the accept
 * was not read, responder: it was not written). */
gboolean     sdes_keys(const struct sdes *s, struct srtp_keys *tx, struct srtp_keys *rx);

#endif
