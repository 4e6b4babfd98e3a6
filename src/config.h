/* config.h - the key file: $XDG_CONFIG_HOME/jcall/config, man/jcall-config.5. Main thread.
 *
 * An unknown group or key, one given twice, or a value out of range, is an error with file and line. The password
 * comes from JCALL_PASSWORD, else from the file (only when others cannot read it), else from password_command, else
 * from a prompt without echo; never from an argument. */
#ifndef JCALL_CONFIG_H
#define JCALL_CONFIG_H

#include <glib.h>

#include "types.h"

enum { CONFIG_MAX_CALLS = 100 };

struct account {
	char *name;			/* of the group */
	char *jid;			/* bare, or full: then its resource is asked for */
	char *password;			/* NULL: not in the file */
	char *password_command;
	char *host;			/* of `server`; NULL: by DNS */
	guint16 port;			/* 0: default */
	char *ca_file;			/* absolute; in the file ~/ and relative to the file are allowed */
	char *pin;			/* "sha256:HEX", lower case */
	char *gateway;			/* domain by which phone numbers are called; NULL: none */
};

struct contact {			/* what holds for calls with one person, or with everybody of a domain */
	char *name;			/* of the group; "jcall dial NAME" calls him */
	char *jid;			/* bare, or a domain */
	struct keying_list keyings;	/* count 0: those of [call] */
	gboolean relay_only;
};

struct config_hook {			/* a command that is started when something happens */
	char *event;			/* as in man/jcall-events.7 */
	char *command;
};

struct config {
	char *path;			/* of the file that was read; NULL: there is none */
	GPtrArray *accounts;		/* struct account *, in the order of the file; the first is the default */
	GPtrArray *contacts;		/* struct contact * */
	char *audio_in, *audio_out, *audio_ring;	/* SPECs; "default" where not given; ring: NULL = as out */
	struct codec_list codecs;	/* one at least */
	guint bitrate_bps, ptime_ms, complexity;
	gboolean fec, dtx;
	GPtrArray *answer_allow;	/* char *: bare JIDs and domains */
	gboolean answer_allow_contacts, answer_notify, answer_migrate;
	gboolean answer_strangers;	/* they ring, where nobody is taken by itself; FALSE: they are ignored */
	guint answer_max_calls;
	char *answer_exec;		/* NULL: none */
	GPtrArray *hooks;		/* struct config_hook * */
	guint ring_timeout_s;
	struct keying_list keyings;	/* one at least; DTLS-SRTP comes first */
	struct server_list servers;	/* of keys stun and turn: each kind goes before those of the XMPP server */
	char *turn_user, *turn_password;	/* for all TURN servers there; NULL: not given */
	gboolean relay_only;
	gboolean loopback;		/* also offer 127.0.0.1 */
	struct transport_list transports;	/* one at least */
};

/* PATH NULL: the default place; then a missing file is an empty configuration, else an error (JC_CONFIG). */
struct config *config_load(const char *path, GError **error);
/* The same from TEXT (LEN bytes and a '\0'); IS_PRIVATE: nobody else can read it, so it may hold passwords. */
struct config *config_parse(const char *path, const char *text, gsize len, gboolean is_private, GError **error);
void           config_free(struct config *c);
char          *config_default_path(void);
/* NAME NULL: the first. NULL with a JC_CONFIG error that tells what to write into which file. */
const struct account *config_account(const struct config *c, const char *name, GError **error);

/* By the name of the group; NULL: there is none. */
const struct contact *config_contact_named(const struct config *c, const char *name);
/* Whom JID belongs to: the group of his bare address, else that of its domain; NULL: there is none. */
const struct contact *config_contact(const struct config *c, const char *jid);

/* The password, by the order given above; caller wipes (password_free). Blocks while a command runs (30 s at most) or the
 * user types. JCALL_PASSWORD is taken out of the environment. NULL with JC_CONFIG, or JC_CANCELLED at the prompt. */
char *account_password(const struct account *a, const struct config *c, GError **error);
/* The same, but a command may run for COMMAND_MS only. */
char *account_password_within(const struct account *a, const struct config *c, guint command_ms, GError **error);
/* The first line of what COMMAND (no shell) prints; stopped after TIMEOUT_MS. For account_password, and for tests. */
char *password_by_command(const char *command, guint timeout_ms, GError **error);
/* Wipes the passwords of all accounts of C, once they have been handed on. */
void  config_forget_passwords(struct config *c);
void  password_free(char *password);		/* wiped; NULL is fine */

/* Every key there is, for tests of the documentation; ends with a row of NULL. */
struct reading;
struct config_key {
	const char *group, *key;	/* groups "account" and "contact" stand for [account NAME] and [contact NAME] */
	gboolean (*read)(struct reading *r, const char *value);
};
extern const struct config_key config_keys[];
/* Is FROM (a JID) named by ENTRY, a bare JID or a domain? */
gboolean allow_matches(const char *entry, const char *from);

#endif
