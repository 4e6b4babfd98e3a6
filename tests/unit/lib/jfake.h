/* jfake.h - plug-ins of a Jingle session that count and do as told, for tests of the session core alone. */
#ifndef JCALL_TEST_JFAKE_H
#define JCALL_TEST_JFAKE_H

#include "jingle/plug.h"

struct jfake {
	/* what the plug-ins shall return; all zero: they agree to everything */
	enum jc_err answer, agree, transport_read, keying_read;
	const char *only;		/* answer() takes descriptions with this id only; NULL: all */
	unsigned news;			/* so many transport-infos are to be sent */
	gboolean asks, crosses;		/* the news written ask to begin anew; what the peer says asks for that, too */
	gboolean picky;			/* each keying is in a message that has its element only */
	/* what was called */
	unsigned offers, answers, replies, agrees, description_infos, session_infos;
	unsigned transport_reads[JINGLE_ACTION_COUNT], keying_reads[JINGLE_ACTION_COUNT], keying_writes;
};

/* Of the namespaces of RTP, ICE-UDP and (the second transport) Raw UDP; the two keyings write <fingerprint/> and, into the
 * description, <encryption/>; understands the session-infos of RTP. F is their self and zeroed by the caller. */
extern const struct jingle_keying jfake_first, jfake_second;
struct jingle_plugs jfake_plugs(struct jfake *f);

#endif
