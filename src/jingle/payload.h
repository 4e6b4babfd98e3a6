/* payload.h - <payload-type/> of XEP-0167: a number and the format it stands for, with what RFC 3551 and 7587 fix of it. */
#ifndef JCALL_JINGLE_PAYLOAD_H
#define JCALL_JINGLE_PAYLOAD_H

#include "../elem.h"
#include "../types.h"

/* FALSE: illegible, or a format we do not have. The name decides; without one, the number does if it is a static one. */
gboolean payload_read(const struct elem *payload, struct payload_type *out);
/* The first of this codec in a <description/> whose number is ONLY, or any if that is < 0. NULL: there is none. */
const struct elem *payload_find(const struct elem *description, enum media_codec codec, int only, uint8_t *pt);
/* Adds one to a <description/>: id, name, clockrate and channels always (rule R18). */
struct elem *payload_add(struct elem *description, const struct payload_type *type);
uint8_t      payload_number(enum media_codec codec);		/* the one we offer it with */
unsigned     payload_clock_hz(enum media_codec codec);

#endif
