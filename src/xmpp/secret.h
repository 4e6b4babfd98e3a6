/* secret.h - a password that is kept for the next login, while nobody needs it: as text it is nowhere in memory, what stands for
 * it is in no core file, and, where the system allows, not in swap. Pure functions, any thread; one at a time. */
#ifndef JCALL_XMPP_SECRET_H
#define JCALL_XMPP_SECRET_H

struct secret;

/* Copies TEXT (NULL gives NULL), which the caller wipes. NULL also where the system gives no memory. */
struct secret *secret_new(const char *text);
/* The text, for a moment: secret_close wipes and frees it. */
char          *secret_open(const struct secret *s);
void           secret_close(char *text);		/* NULL is fine */
void           secret_free(struct secret *s);		/* wiped; NULL is fine */

#endif
