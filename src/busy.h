/* busy.h - who calls while we talk: he is told that we are busy, unless another device of our account rings for him, for his
 * proposal goes to all of them and one rejection would speak for all (XEP-0353 "Rejecting Intent to Start a Session").
 *
 * Main thread. Nobody is told anything who may not know that we are here, or in a flood (phone_may_refuse). */
#ifndef JCALL_BUSY_H
#define JCALL_BUSY_H

#include "phone.h"

struct busy;
/* Borrows PHONE. REFUSED hears of each call that was rejected. */
struct busy *busy_new(struct phone *phone, void (*refused)(void *ctx, const char *from, const char *id), void *ctx);
void         busy_free(struct busy *b);

/* FROM, a full JID, proposes call ID: rejected at once where we are the only device, else after a second in which no other one
 * has answered in any way. */
void busy_propose(struct busy *b, const char *from, const char *id);
/* Any other JMI message; FROM and OURS as in phone_events. */
void busy_hear(struct busy *b, const char *from, const struct jmi_msg *m, gboolean ours);

#endif
