/* cond.h - how an IQ was, or shall be, answered: one value from the table cond.def. Pure; any thread. */
#ifndef JCALL_COND_H
#define JCALL_COND_H

#include "elem.h"

enum iq_cond {
#define COND(symbol, type, condition, app, app_ns) COND_##symbol,
#include "cond.def"
#undef COND
	COND_COUNT
};

/* Adds the <error/> of COND to IQ (an <iq type='error'>). Not for OK, TOO_LARGE, TIMEOUT and DISCONNECTED. */
void cond_write(struct elem *iq, enum iq_cond cond);
/* Reads the answer from an iq of type result or error; an unknown or missing condition is COND_UNDEFINED. A condition of
 * XEP-0166 counts whatever plain condition stands beside it. */
enum iq_cond cond_read(const struct elem *iq);
/* The most telling word: "unknown-session", "service-unavailable", "no answer", …: for sentences. Static. */
const char *cond_words(enum iq_cond cond);

#endif
