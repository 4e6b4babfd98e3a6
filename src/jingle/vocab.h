/* vocab.h - the words of XEP-0166 1.1.2: actions (7.2), reasons (7.4), senders, creators. Pure. */
#ifndef JCALL_JINGLE_VOCAB_H
#define JCALL_JINGLE_VOCAB_H

#include "../err.h"

#define NS_JINGLE      "urn:xmpp:jingle:1"
#define NS_RTP         "urn:xmpp:jingle:apps:rtp:1"
#define NS_RTP_INFO    "urn:xmpp:jingle:apps:rtp:info:1"
#define NS_RTP_ERRORS  "urn:xmpp:jingle:apps:rtp:errors:1"
#define NS_ICE_UDP     "urn:xmpp:jingle:transports:ice-udp:1"
#define NS_RAW_UDP     "urn:xmpp:jingle:transports:raw-udp:1"
#define NS_DTLS        "urn:xmpp:jingle:apps:dtls:0"
#define NS_JMI         "urn:xmpp:jingle-message:0"
#define NS_GROUPING    "urn:xmpp:jingle:apps:grouping:0"

/* X(symbol, text on the wire) */
#define JINGLE_ACTIONS(X) \
	X(CONTENT_ACCEPT, "content-accept") X(CONTENT_ADD, "content-add") X(CONTENT_MODIFY, "content-modify") \
	X(CONTENT_REJECT, "content-reject") X(CONTENT_REMOVE, "content-remove") \
	X(DESCRIPTION_INFO, "description-info") X(SECURITY_INFO, "security-info") \
	X(SESSION_ACCEPT, "session-accept") X(SESSION_INFO, "session-info") X(SESSION_INITIATE, "session-initiate") \
	X(SESSION_TERMINATE, "session-terminate") X(TRANSPORT_ACCEPT, "transport-accept") \
	X(TRANSPORT_INFO, "transport-info") X(TRANSPORT_REJECT, "transport-reject") \
	X(TRANSPORT_REPLACE, "transport-replace")

/* X(symbol, text on the wire, outcome for us when the PEER sends it before the accept, outcome after it) */
#define JINGLE_REASONS(X) \
	X(ALTERNATIVE_SESSION, "alternative-session", JC_ELSEWHERE, JC_OK) \
	X(BUSY, "busy", JC_BUSY, JC_OK) \
	X(CANCEL, "cancel", JC_CANCELLED, JC_OK) \
	X(CONNECTIVITY_ERROR, "connectivity-error", JC_NO_PATH, JC_LOST) \
	X(DECLINE, "decline", JC_DECLINED, JC_OK) \
	X(EXPIRED, "expired", JC_NO_ANSWER, JC_OK) \
	X(FAILED_APPLICATION, "failed-application", JC_UNSUPPORTED_APP, JC_LOST) \
	X(FAILED_TRANSPORT, "failed-transport", JC_FAILED_TRANSPORT, JC_FAILED_TRANSPORT) \
	X(GENERAL_ERROR, "general-error", JC_PROTOCOL, JC_LOST) \
	X(GONE, "gone", JC_UNAVAILABLE, JC_OK) \
	X(INCOMPATIBLE_PARAMETERS, "incompatible-parameters", JC_NO_CODEC, JC_NO_CODEC) \
	X(MEDIA_ERROR, "media-error", JC_LOST, JC_LOST) \
	X(SECURITY_ERROR, "security-error", JC_SECURITY, JC_SECURITY) \
	X(SUCCESS, "success", JC_DECLINED, JC_OK) \
	X(TIMEOUT, "timeout", JC_NO_ANSWER, JC_LOST) \
	X(UNSUPPORTED_APPLICATIONS, "unsupported-applications", JC_UNSUPPORTED_APP, JC_UNSUPPORTED_APP) \
	X(UNSUPPORTED_TRANSPORTS, "unsupported-transports", JC_UNSUPPORTED_TRANSPORT, JC_UNSUPPORTED_TRANSPORT)

enum jingle_action {
	JINGLE_ACTION_NONE,
#define X(symbol, text) JINGLE_##symbol,
	JINGLE_ACTIONS(X)
#undef X
	JINGLE_ACTION_COUNT
};

enum jingle_reason {
	REASON_NONE,			/* none given, or one that is not in the text */
#define X(symbol, text, before, after) REASON_##symbol,
	JINGLE_REASONS(X)
#undef X
	REASON_COUNT
};

enum jingle_creator { CREATOR_INITIATOR, CREATOR_RESPONDER };
enum jingle_senders { SENDERS_BOTH, SENDERS_NONE, SENDERS_INITIATOR, SENDERS_RESPONDER };

const char        *jingle_action_text(enum jingle_action a);
enum jingle_action jingle_action_read(const char *text);		/* unknown or NULL: JINGLE_ACTION_NONE */
const char        *jingle_reason_text(enum jingle_reason r);
enum jingle_reason jingle_reason_read(const char *text);		/* unknown or NULL: REASON_NONE */
enum jingle_reason jingle_reason_of(enum jc_err e);			/* what we send for an outcome of ours */
/* What it means for the caller that the callee ended the session with R, or, when ACCEPTED (after session-accept), for
 * either side that the other did. */
enum jc_err        jingle_outcome(enum jingle_reason r, gboolean accepted);

#endif
