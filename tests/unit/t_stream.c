/* xmpp/stream.h against a server of our own on loopback, scripted line by line, false where a test wants it to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xml.h"
#include "xmpp/stream.h"
#include "xmpp/stream_priv.h"

#define SASL "urn:ietf:params:xml:ns:xmpp-sasl"
#define HEAD "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' " \
	     "id='x' from='lab.test' version='1.0'>"
#define PASSWORD "correct-horse"

enum { PATIENCE_MS = 20000 };

/* ---- the server: a thread that plays a script for one connection after the other ---- */

enum act { SAY, HEAR, TLS, CHALLENGE, ANSWER, LIST, BURST, ELSEWHERE, HANG, CUT, NEXT, DONE };	/* NEXT: cut, and go on with the next connection */

struct line {
	enum act act;
	/* SAY: said; HEAR: read until this has come; CHALLENGE: the number of rounds; ANSWER: said, with the id of the last request for %s;
	 * LIST: the answer to that: how many contacts, digits of each name, from whom; BURST: so many small messages and one of 6 KB, in one segment */
	const char *text;
};

struct server {
	const struct line *script;
	int listener, fd;
	guint16 port;
	SSL_CTX *tls;
	SSL *ssl;
	GString *heard;			/* everything, decrypted; of the server's thread until it is joined */
	gsize from;			/* what HEAR has passed */
	gint64 hear_us;			/* how long the last HEAR took */
	GThread *thread;
};

static char *dir;			/* certificates */

static void say(struct server *s, const char *text)
{
	int n = (int)strlen(text);

	if (s->ssl)
		SSL_write(s->ssl, text, n);
	else
		(void)!send(s->fd, text, (size_t)n, MSG_NOSIGNAL);
}

/* FALSE: the client has gone. */
static gboolean hear_more(struct server *s)
{
	char bytes[65536];
	int n = s->ssl ? SSL_read(s->ssl, bytes, sizeof(bytes)) : (int)recv(s->fd, bytes, sizeof(bytes), 0);

	if (n > 0)
		g_string_append_len(s->heard, bytes, n);
	return n > 0;
}

static gboolean hear(struct server *s, const char *text)
{
	gint64 begin = g_get_monotonic_time();
	const char *at;

	while ((at = strstr(s->heard->str + s->from, text)) == NULL)
		if (!hear_more(s))
			return FALSE;
	s->from = (gsize)(at - s->heard->str) + strlen(text);
	s->hear_us = g_get_monotonic_time() - begin;
	return TRUE;
}

static gboolean begin_tls(struct server *s)
{
	s->ssl = SSL_new(s->tls);
	SSL_set_fd(s->ssl, s->fd);
	return SSL_accept(s->ssl) == 1;
}

static void hang_up(struct server *s)
{
	if (s->ssl)
		SSL_free(s->ssl);
	s->ssl = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void challenge(struct server *s, const char *rounds)
{
	g_autofree char *text = g_strdup_printf("r=anything,s=c2FsdA==,i=%s", rounds);
	g_autofree char *base64 = g_base64_encode((const guchar *)text, strlen(text));
	g_autofree char *xml = g_strdup_printf("<challenge xmlns='" SASL "'>%s</challenge>", base64);

	say(s, xml);
}

static void answer(struct server *s, const char *format)
{
	const char *iq = g_strrstr(s->heard->str, "<iq "), *id = strstr(iq, "id=") + 3;
	g_autofree char *quoted = g_strndup(id, (gsize)(strchr(id + 1, *id) + 1 - id));
	g_auto(GStrv) parts = g_strsplit(format, "%s", 2);
	g_autofree char *text = g_strconcat(parts[0], quoted, parts[1], NULL);

	say(s, text);
}

static void answer_with_contacts(struct server *s, const char *text)
{
	const char *id = g_strrstr(s->heard->str, " id=\"");
	g_autofree char *number = g_strndup(id + 5, strcspn(id + 5, "\""));
	g_auto(GStrv) words = g_strsplit(text, " ", 3);
	g_autoptr(GString) xml = g_string_new(NULL);

	g_string_printf(xml, "<iq type='result' id='%s' from='%s'><query xmlns='jabber:iq:roster'>", number, words[2]);
	for (int i = 0; i < atoi(words[0]); i++)
		g_string_append_printf(xml, "<item jid='contact%d@lab.test' name='Contact %0*d' subscription='both'><group>G</group></item>",
				       i, atoi(words[1]), i);
	g_string_append(xml, "</query></iq>");
	say(s, xml->str);
}

/* Each stanza is a TLS record of its own, as servers write them, and all are there when the client begins to read. */
static void say_in_one_segment(struct server *s, int small)
{
	g_autofree char *body = g_strnfill(6000, 'x');
	g_autofree char *large = g_strdup_printf("<message from='a@b/c'><body>%s</body></message>", body);
	BIO *socket = SSL_get_wbio(s->ssl), *all = BIO_new(BIO_s_mem());
	char *bytes;
	long n;

	BIO_up_ref(socket);
	SSL_set0_wbio(s->ssl, all);
	for (int i = 0; i < small; i++)
		say(s, "<message from='a@b/c'><body>what is said while the other side is busy</body></message>");
	say(s, large);
	n = BIO_get_mem_data(all, &bytes);
	(void)!send(s->fd, bytes, (size_t)n, MSG_NOSIGNAL);
	SSL_set0_wbio(s->ssl, socket);
}

/* To this same server, which serves the next connection otherwise; PLACE NULL: to its address and port. */
static void send_elsewhere(struct server *s, const char *place)
{
	g_autofree char *here = g_strdup_printf("127.0.0.1:%u", s->port);
	g_autofree char *text = g_strdup_printf(HEAD "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>%s"
						"</see-other-host></stream:error></stream:stream>", place ? place : here);

	say(s, text);
}

/* FALSE: the client ended the connection before the script did. */
static gboolean play(struct server *s, const struct line *l)
{
	switch (l->act) {
	case SAY:
		say(s, l->text);
		return TRUE;
	case HEAR:
		return hear(s, l->text);
	case TLS:
		return begin_tls(s);
	case CHALLENGE:
		challenge(s, l->text);
		return TRUE;
	case ANSWER:
		answer(s, l->text);
		return TRUE;
	case ELSEWHERE:
		send_elsewhere(s, l->text);
		return TRUE;
	case BURST:
		say_in_one_segment(s, atoi(l->text));
		return TRUE;
	case LIST:
		answer_with_contacts(s, l->text);
		return TRUE;
	default:
		while (l->act == HANG && hear_more(s))
			;
		return FALSE;
	}
}

static gpointer serve(gpointer data)
{
	struct server *s = data;
	const struct line *l = s->script;

	while (l->act != DONE) {
		s->fd = accept(s->listener, NULL, NULL);
		if (s->fd < 0)
			break;
		while (l->act != DONE && l->act != NEXT && play(s, l))
			l++;
		while (l->act != DONE && l->act != NEXT)
			l++;
		if (l->act == NEXT)
			l++;
		hang_up(s);
	}
	return NULL;
}

static void server_start(struct server *s, const struct line *script)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(to);
	g_autofree char *key = g_build_filename(dir, "server.key", NULL), *cert = g_build_filename(dir, "server.pem", NULL);

	memset(s, 0, sizeof(*s));
	s->script = script;
	s->heard = g_string_new(NULL);
	s->fd = -1;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&to, sizeof(to)), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	getsockname(s->listener, (struct sockaddr *)&to, &n);
	s->port = ntohs(to.sin_port);
	s->tls = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate_file(s->tls, cert, SSL_FILETYPE_PEM), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(s->tls, key, SSL_FILETYPE_PEM), 1);
	s->thread = g_thread_new("server", serve, s);
}

/* Ends it; afterwards all that it heard may be looked at. */
static void server_stop(struct server *s)
{
	if (!s->thread)
		return;
	shutdown(s->listener, SHUT_RDWR);
	g_thread_join(g_steal_pointer(&s->thread));
	close(s->listener);
	SSL_CTX_free(s->tls);
}

static gboolean heard(const struct server *s, const char *text)
{
	return strstr(s->heard->str, text) != NULL;
}

/* ---- the client ---- */

struct client {
	struct stream *x;
	guint online, resumed, offline, stanzas, answers;
	gboolean final, closed;
	GError *error;
	GString *phases;
	enum iq_cond cond;
	gboolean has_reply;
	char *jid;
};

static void on_online(void *self, const char *jid, gboolean resumed)
{
	struct client *c = self;

	c->online++;
	c->resumed += resumed ? 1 : 0;
	g_free(c->jid);
	c->jid = g_strdup(jid);
}

static void on_offline(void *self, const GError *error, gboolean final)
{
	struct client *c = self;

	c->offline++;
	assert_false(c->final);
	c->final = final;
	g_clear_error(&c->error);
	c->error = g_error_copy(error);
}

static void on_iq(void *self, struct iq *iq)
{
	((struct client *)self)->stanzas++;
}

static void on_stanza(void *self, const struct elem *stanza)
{
	((struct client *)self)->stanzas++;
}

static void on_phase(void *self, const char *phase, gint64 now_us)
{
	g_string_append_printf(((struct client *)self)->phases, "%s ", phase);
}

static void on_reply(void *ctx, enum iq_cond cond, const struct elem *reply)
{
	struct client *c = ctx;

	c->answers++;
	c->cond = cond;
	c->has_reply = reply != NULL;
}

static void on_closed(void *ctx)
{
	((struct client *)ctx)->closed = TRUE;
}

static void client_start_as(struct client *c, const char *jid, guint16 port, const char *ca, const char *pin, gboolean reconnect)
{
	g_autofree char *ca_file = ca ? g_build_filename(dir, ca, NULL) : NULL;
	struct stream_options options = {.jid = jid, .password = PASSWORD, .host = "127.0.0.1", .port = port,
					 .ca_file = ca_file, .pin = pin, .reconnect = reconnect};
	struct stream_handlers handlers = {.online = on_online, .offline = on_offline, .iq = on_iq, .message = on_stanza,
					   .presence = on_stanza, .phase = on_phase, .self = c};

	memset(c, 0, sizeof(*c));
	c->phases = g_string_new(NULL);
	c->x = stream_new(&options, &handlers);
}

static void client_start(struct client *c, guint16 port, const char *ca, const char *pin, gboolean reconnect)
{
	client_start_as(c, "romeo@lab.test/x", port, ca, pin, reconnect);
}

static gboolean on_patience(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

/* Runs the main loop until *COUNT is at least N; fails the test when that takes too long. */
static void await(const guint *count, guint n)
{
	gboolean late = FALSE;
	guint timer = g_timeout_add(PATIENCE_MS, on_patience, &late);

	while (*count < n && !late)
		g_main_context_iteration(NULL, TRUE);
	assert_false(late);
	g_source_remove(timer);
}

/* By a server that plays SCRIPT, whose certificate is good. */
static void log_in(struct server *s, struct client *c, const struct line *script)
{
	server_start(s, script);
	client_start(c, s->port, "ca.pem", NULL, TRUE);
	stream_connect(c->x);
}

static void client_stop(struct client *c)
{
	stream_free(c->x);
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_clear_error(&c->error);
	g_string_free(c->phases, TRUE);
	g_free(c->jid);
}

/* ---- scripts ---- */

#define OFFERS_TLS "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>"
#define OPEN_STARTTLS \
	{HEAR, "<stream:stream"}, {SAY, HEAD OFFERS_TLS}, \
	{HEAR, "<starttls"}, {SAY, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"}
#define OFFER(mechanisms) {HEAR, "<stream:stream"}, \
	{SAY, HEAD "<stream:features><mechanisms xmlns='" SASL "'>" mechanisms "</mechanisms></stream:features>"}
#define M(name) "<mechanism>" name "</mechanism>"
#define SCRAM {HEAR, "</auth>"}, {CHALLENGE, "4096"}, {HEAR, "</response>"}, {SAY, "<success xmlns='" SASL "'>dj14</success>"}, \
	{HEAR, "<stream:stream"}
#define FEATURES(more) {SAY, HEAD "<stream:features>" more "</stream:features>"}
#define BIND "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
#define SM "<sm xmlns='urn:xmpp:sm:3'/>"
#define BOUND(jid) {HEAR, "_xmpp_bind1"}, {HEAR, "</iq>"}, {SAY, "<iq type='result' id='_xmpp_bind1'>" \
	"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" jid "</jid></bind></iq>"}
#define LOGIN OPEN_STARTTLS, {TLS, NULL}, OFFER(M("SCRAM-SHA-1")), SCRAM
#define ME "romeo@lab.test/x"

/* Plays SCRIPT, expects a final refusal CODE with WORD in it, and that no form of the password was heard. */
static void assert_refused(const struct line *script, const char *ca, const char *pin, enum jc_err code, const char *word)
{
	g_autofree char *plain = g_base64_encode((const guchar *)"\0romeo\0" PASSWORD, 7 + strlen(PASSWORD));
	struct server s;
	struct client c;

	server_start(&s, script);
	client_start(&c, s.port, ca, pin, TRUE);
	stream_connect(c.x);
	await(&c.offline, 1);
	assert_true(c.final);
	assert_int_equal(c.online, 0);
	if (c.error->code != (int)code || !strstr(c.error->message, word))
		fail_msg("'%s' (%d) does not say '%s' (%d)", c.error->message, c.error->code, word, code);
	client_stop(&c);
	server_stop(&s);
	assert_false(heard(&s, PASSWORD));
	assert_false(heard(&s, plain));
	assert_false(heard(&s, "PLAIN"));
	assert_false(heard(&s, "DIGEST-MD5"));
	g_string_free(s.heard, TRUE);
}

/* ---- what is refused ---- */

static void server_without_starttls_hears_no_password(void **state)
{
	static const struct line script[] = {OFFER(M("PLAIN") M("SCRAM-SHA-1")), {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_SERVER, "encryption");
}

static void weaker_logins_than_scram_are_refused(void **state)
{
	static const struct line plain[] = {OPEN_STARTTLS, {TLS, NULL}, OFFER(M("PLAIN")), {HANG, NULL}, {DONE, NULL}};
	static const struct line digest[] = {OPEN_STARTTLS, {TLS, NULL}, OFFER(M("DIGEST-MD5") M("PLAIN")), {HANG, NULL}, {DONE, NULL}};
	static const struct line plus[] = {OPEN_STARTTLS, {TLS, NULL}, OFFER(M("SCRAM-SHA-1-PLUS") M("PLAIN")), {HANG, NULL},
					   {DONE, NULL}};

	assert_refused(plain, "ca.pem", NULL, JC_SERVER, "SCRAM");
	assert_refused(digest, "ca.pem", NULL, JC_SERVER, "SCRAM");
	assert_refused(plus, "ca.pem", NULL, JC_SERVER, "SCRAM");
}

static void refused_password_is_not_tried_in_another_way(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {TLS, NULL}, OFFER(M("SCRAM-SHA-1") M("DIGEST-MD5") M("PLAIN")),
		{HEAR, "</auth>"}, {CHALLENGE, "4096"}, {HEAR, "</response>"},
		{SAY, "<failure xmlns='" SASL "'><not-authorized/></failure>"}, {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_LOGIN, "password");
}

static void unknown_certificate_is_refused_and_its_own_hash_shown(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {TLS, NULL}, {HANG, NULL}, {DONE, NULL}};
	g_autofree char *hash = NULL, *path = g_build_filename(dir, "server.sha256", NULL), *shown = NULL;

	assert_true(g_file_get_contents(path, &hash, NULL, NULL));
	g_strstrip(hash);
	shown = g_strconcat("pin = ", hash, NULL);
	assert_refused(script, NULL, NULL, JC_SERVER, shown);
}

static void pin_decides_alone(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {TLS, NULL}, {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "ca.pem", "sha256:0000", JC_SERVER, "pinned");
}

static void certificate_of_another_name_is_refused(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {TLS, NULL}, {HANG, NULL}, {DONE, NULL}};
	struct stream_options options = {.jid = "romeo@other.test", .password = PASSWORD, .host = "127.0.0.1"};
	g_autofree char *ca = g_build_filename(dir, "ca.pem", NULL);
	struct client c = {.phases = g_string_new(NULL)};
	struct stream_handlers handlers = {.online = on_online, .offline = on_offline, .iq = on_iq, .message = on_stanza,
					   .presence = on_stanza, .phase = on_phase, .self = &c};
	struct server s;

	server_start(&s, script);
	options.port = s.port;
	options.ca_file = ca;
	c.x = stream_new(&options, &handlers);
	stream_connect(c.x);
	await(&c.offline, 1);
	assert_int_equal(c.error->code, JC_SERVER);
	assert_non_null(strstr(c.error->message, "not to be trusted"));
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

static void unusable_ca_file_is_a_configuration_error(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "server.sha256", NULL, JC_CONFIG, "ca_file");
}

static void false_account_is_refused(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND("victim@bank.example/x"), {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_SERVER, "somebody else");
}

#define PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define HER_BIND "<iq type='result' id='_xmpp_bind1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>" \
	"mallory@lab.test/x</jid></bind></iq>"

static const char *const unencrypted[] = {
	"<failure xmlns='" SASL "'><not-authorized/></failure>",
	"<success xmlns='" SASL "'>dj14</success>",
	"<challenge xmlns='" SASL "'>cj1hLHM9YSxpPTk5OTk5OTk5</challenge>",	/* r=a,s=a,i=99999999 */
	"<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
	"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
	"<stream:features><mechanisms xmlns='" SASL "'><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
	"<stream:features>" BIND "</stream:features>" HER_BIND,
	HER_BIND "<message from='mallory@lab.test/x'/>",
	"</stream:stream>",
};

/* Whoever stands between us and the server says each of them before the TLS begins, in the place of the
 * server's PROCEED or in one breath with it. All at once, since an attempt that failed takes a second. */
static void assert_only_the_attempt_fails(gboolean behind_proceed)
{
	struct line scripts[G_N_ELEMENTS(unencrypted)][96];
	struct server s[G_N_ELEMENTS(unencrypted)];
	struct client c[G_N_ELEMENTS(unencrypted)];

	for (size_t i = 0; i < G_N_ELEMENTS(unencrypted); i++) {
		g_autofree char *both = g_strconcat(PROCEED, unencrypted[i], NULL);
		const char *said = behind_proceed ? g_intern_string(both) : unencrypted[i];
		const struct line script[] = {
			LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "cut-here"}, {NEXT, NULL},
			{HEAR, "<stream:stream"}, {SAY, HEAD OFFERS_TLS}, {HEAR, "<starttls"}, {SAY, said},
			{behind_proceed ? TLS : HANG, NULL}, OFFER(M("SCRAM-SHA-1")), SCRAM, FEATURES(BIND),
			{HANG, NULL}, {NEXT, NULL},
			LOGIN, FEATURES(BIND), BOUND(ME), {SAY, "<message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};

		assert_true(sizeof(script) <= sizeof(scripts[i]));
		memcpy(scripts[i], script, sizeof(script));
		log_in(&s[i], &c[i], scripts[i]);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(unencrypted); i++) {
		await(&c[i].online, 1);
		stream_send(c[i].x, xml("<message xmlns='jabber:client' to='a@b' id='cut-here'/>"));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(unencrypted); i++) {
		await(&c[i].stanzas, 1);
		assert_int_equal(c[i].online, 2);
		assert_string_equal(c[i].jid, ME);
		assert_false(c[i].final);
		client_stop(&c[i]);
		server_stop(&s[i]);
		assert_false(heard(&s[i], PASSWORD));
		g_string_free(s[i].heard, TRUE);
	}
}

static void what_comes_in_one_breath_with_proceed_is_no_word_of_the_server(void **state)
{
	assert_only_the_attempt_fails(TRUE);
}

static void what_comes_in_the_place_of_proceed_ends_no_more_than_the_attempt(void **state)
{
	assert_only_the_attempt_fails(FALSE);
}

static void server_that_binds_nothing_is_survived(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(SM), {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_SERVER, "bind");
}

static void endless_hashing_is_survived(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {TLS, NULL}, OFFER(M("SCRAM-SHA-1")), {HEAR, "</auth>"},
					     {CHALLENGE, "2000000000"}, {HANG, NULL}, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_SERVER, "2000000000");
}

static void hanging_phase_is_cut_and_named(void **state)
{
	static const struct line tls[] = {OPEN_STARTTLS, {HANG, NULL}, {DONE, NULL}};
	static const struct line login[] = {OPEN_STARTTLS, {TLS, NULL}, OFFER(M("SCRAM-SHA-1")), {HANG, NULL}, {DONE, NULL}};
	static const struct line binding[] = {LOGIN, FEATURES(BIND), {HANG, NULL}, {DONE, NULL}};
	static const struct { const struct line *script; const char *word; } cases[] = {
		{tls, "encryption"}, {login, "login"}, {binding, "binding"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		gint64 began = g_get_monotonic_time();
		struct server s;
		struct client c;

		server_start(&s, cases[i].script);
		client_start(&c, s.port, "ca.pem", NULL, TRUE);
		stream_set_phase_limit(c.x, 500);
		stream_connect(c.x);
		await(&c.offline, 1);
		assert_true(c.final);
		assert_int_equal(c.error->code, JC_SERVER);
		if (!strstr(c.error->message, "too long") || !strstr(c.error->message, cases[i].word))
			fail_msg("'%s' does not say '%s'", c.error->message, cases[i].word);
		assert_true(g_get_monotonic_time() - began < 5 * G_USEC_PER_SEC);
		client_stop(&c);
		server_stop(&s);
		g_string_free(s.heard, TRUE);
	}
}

static void server_that_is_not_there_is_named(void **state)
{
	static const struct line script[] = {{DONE, NULL}};
	struct server s;
	struct client c;

	server_start(&s, script);
	server_stop(&s);
	client_start(&c, s.port, "ca.pem", NULL, TRUE);
	stream_connect(c.x);
	await(&c.offline, 1);
	assert_true(c.final);
	assert_int_equal(c.error->code, JC_SERVER);
	assert_non_null(strstr(c.error->message, "127.0.0.1"));
	client_stop(&c);
	g_string_free(s.heard, TRUE);
}

/* ---- life of a stream ---- */

static void login_passes_its_phases_in_order(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	server_start(&s, script);
	client_start(&c, s.port, "ca.pem", NULL, TRUE);
	assert_string_equal(stream_jid(c.x), "romeo@lab.test");
	stream_connect(c.x);
	await(&c.online, 1);
	assert_string_equal(c.phases->str, "dns tcp tls auth bind ");
	assert_string_equal(stream_jid(c.x), ME);
	assert_true(stream_is_online(c.x));
	assert_false(stream_has_sm(c.x));
	client_stop(&c);
	server_stop(&s);
	assert_false(heard(&s, PASSWORD));
	g_string_free(s.heard, TRUE);
}

/* Who guesses it reaches this client past every list of contacts. */
static void resource_that_the_user_did_not_choose_has_128_random_bits(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;
	const char *resource;

	server_start(&s, script);
	client_start_as(&c, "romeo@lab.test", s.port, "ca.pem", NULL, TRUE);
	stream_connect(c.x);
	await(&c.online, 1);
	client_stop(&c);
	server_stop(&s);
	resource = strstr(s.heard->str, "<resource>jcall-");
	assert_non_null(resource);
	resource += strlen("<resource>jcall-");
	assert_int_equal(strspn(resource, "abcdefghijklmnopqrstuvwxyz234567"), 26);	/* of 5 bits each */
	assert_int_equal(resource[26], '<');
	g_string_free(s.heard, TRUE);
}

static void pinned_certificate_needs_no_authority(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HANG, NULL}, {DONE, NULL}};
	g_autofree char *hash = NULL, *path = g_build_filename(dir, "server.sha256", NULL);
	struct server s;
	struct client c;

	assert_true(g_file_get_contents(path, &hash, NULL, NULL));
	server_start(&s, script);
	client_start(&c, s.port, NULL, hash, TRUE);
	stream_connect(c.x);
	await(&c.online, 1);
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

static void unknown_request_is_answered_service_unavailable(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME),
		{SAY, "<iq type='get' id='q1' from='a@b/c'><x xmlns='y'/></iq>"}, {HEAR, "service-unavailable"},
		{SAY, "<message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.stanzas, 2);
	client_stop(&c);
	server_stop(&s);
	assert_true(heard(&s, "q1"));
	g_string_free(s.heard, TRUE);
}

/* A server ends the connection of who sends it too much; so an id that would make our answer so long stays unanswered. */
static void more_than_a_server_must_take_is_not_sent(void **state)
{
	g_autofree char *id = g_strnfill(STREAM_MAX_SENT / 6 + 1, '"');		/* six bytes each, as it is written */
	g_autofree char *request = g_strdup_printf("<iq type='get' id='%s' from='a@b/c'><x xmlns='y'/></iq>", id);
	const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME),
		{SAY, request}, {SAY, "<iq type='get' id='q1' from='a@b/c'><x xmlns='y'/></iq>"}, {HEAR, "service-unavailable"},
		{SAY, "<message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.stanzas, 3);
	client_stop(&c);
	server_stop(&s);
	assert_true(heard(&s, "q1"));
	assert_false(heard(&s, "&quot;"));
	g_string_free(s.heard, TRUE);
}

static void lost_stream_is_made_anew_and_the_open_question_asked_again(void **state)
{
	static const struct line script[] = {
		LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "jabber:iq:roster"}, {NEXT, NULL},
		LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "jabber:iq:roster"}, {SAY, "<message from='a@b/c'/>"}, {HANG, NULL},
		{DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_query(c.x, NULL, "get", elem_new("query", "jabber:iq:roster"), PATIENCE_MS, on_reply, &c);
	await(&c.stanzas, 1);
	assert_int_equal(c.online, 2);
	assert_int_equal(c.offline, 1);
	assert_false(c.final);
	assert_int_equal(c.error->code, JC_LOST);
	assert_int_equal(c.answers, 0);
	client_stop(&c);
	server_stop(&s);
	assert_non_null(strstr(strstr(s.heard->str, "jabber:iq:roster") + 1, "jabber:iq:roster"));
	g_string_free(s.heard, TRUE);
}

static void conflict_is_final_and_ends_the_questions(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "jabber:iq:roster"},
		{SAY, "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"},
		{HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_query(c.x, NULL, "get", elem_new("query", "jabber:iq:roster"), PATIENCE_MS * 2, on_reply, &c);
	await(&c.offline, 1);
	assert_true(c.final);
	assert_int_equal(c.error->code, JC_LOST);
	assert_non_null(strstr(c.error->message, "another client"));
	await(&c.answers, 1);
	assert_int_equal(c.cond, COND_DISCONNECTED);
	stream_query(c.x, NULL, "get", elem_new("query", "jabber:iq:roster"), PATIENCE_MS * 2, on_reply, &c);
	await(&c.answers, 2);
	assert_int_equal(c.cond, COND_DISCONNECTED);
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

#define ENABLED {HEAR, "<enable "}, {SAY, "<enabled xmlns='urn:xmpp:sm:3' id='old' resume='true'/><message from='a@b/c'/>"}

/* libstrophe finds the handler of a stanza by the namespaces of its children, too. */
#define INSIDE(xml) "<message from='mallory@evil.test/x'>" xml "</message>" \
	"<presence from='mallory@evil.test/x'>" xml "</presence>"

static void what_strangers_put_into_their_stanzas_is_no_word_of_the_stream(void **state)
{
	static const struct line script[] = {
		LOGIN, FEATURES(BIND SM), BOUND(ME), ENABLED,
		{SAY, INSIDE("<a xmlns='urn:xmpp:sm:3' h='4000000000'/>") INSIDE("<r xmlns='urn:xmpp:sm:3'/>")},
		{SAY, INSIDE("<failed xmlns='urn:xmpp:sm:3'/>") INSIDE("<enabled xmlns='urn:xmpp:sm:3'/>")},
		{SAY, INSIDE("<resumed xmlns='urn:xmpp:sm:3' previd='old' h='9'/>")},
		{SAY, INSIDE("<error xmlns='http://etherx.jabber.org/streams'/>")},
		{SAY, INSIDE("<features xmlns='http://etherx.jabber.org/streams'/>")},
		{SAY, INSIDE("<failure xmlns='" SASL "'/>") INSIDE("<success xmlns='" SASL "'/>")},
		{SAY, INSIDE("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") INSIDE(BIND)},
		{HEAR, "still-here"}, {SAY, "<message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.stanzas, 1 + 2 * 11);
	stream_send(c.x, xml("<message xmlns='jabber:client' to='a@b' id='still-here'/>"));
	await(&c.stanzas, 1 + 2 * 11 + 1);
	assert_int_equal(c.online, 1);
	assert_int_equal(c.offline, 0);
	assert_true(stream_has_sm(c.x));
	client_stop(&c);
	server_stop(&s);
	assert_false(heard(&s, "<proceed"));
	g_string_free(s.heard, TRUE);
}

static void stream_is_resumed_and_what_was_asked_meanwhile_is_sent(void **state)
{
	static const struct line script[] = {
		LOGIN, FEATURES(BIND SM), BOUND(ME), ENABLED, {HEAR, "cut-here"}, {NEXT, NULL},
		LOGIN, FEATURES(BIND SM), {HEAR, "<resume "}, {SAY, "<resumed xmlns='urn:xmpp:sm:3' previd='old' h='1'/>"},
		{HEAR, "jabber:iq:roster"}, {SAY, "<message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.stanzas, 1);
	assert_true(stream_has_sm(c.x));
	stream_send(c.x, xml("<message xmlns='jabber:client' to='a@b' id='cut-here'/>"));
	await(&c.offline, 1);
	stream_query(c.x, NULL, "get", elem_new("query", "jabber:iq:roster"), PATIENCE_MS, on_reply, &c);
	await(&c.stanzas, 2);
	assert_int_equal(c.online, 2);
	assert_int_equal(c.resumed, 1);
	assert_true(stream_has_sm(c.x));
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

/* libstrophe would bind on the same connection, but its counters would be those of the stream that is gone. */
static void refused_resumption_leads_to_a_fresh_stream(void **state)
{
	static const struct line script[] = {
		LOGIN, FEATURES(BIND SM), BOUND(ME), ENABLED, {HEAR, "cut-here"}, {NEXT, NULL},
		LOGIN, FEATURES(BIND SM), {HEAR, "<resume "},
		{SAY, "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"}, {HANG, NULL},
		{NEXT, NULL},
		LOGIN, FEATURES(BIND SM), BOUND(ME), {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.stanzas, 1);
	stream_send(c.x, xml("<message xmlns='jabber:client' to='a@b' id='cut-here'/>"));
	await(&c.online, 2);
	assert_int_equal(c.resumed, 0);
	assert_int_equal(c.offline, 1);
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

static void an_answer_reaches_who_asked_once_and_no_handler(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "<ping"}, {HEAR, "</iq>"},
		{ANSWER, "<iq type='error' id=%s from='a@b/C'/>"},	/* another device: a resource has a case */
		{ANSWER, "<iq type='result' id=%s from='a@b/c'/>"}, {ANSWER, "<iq type='result' id=%s from='a@b/c'/>"},
		{HEAR, "<query"}, {HEAR, "</iq>"},
		{ANSWER, "<iq type='error' id=%s><error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
			 "</error></iq><message from='a@b/c'/>"},
		{HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_query(c.x, "a@b/c", "get", elem_new("ping", "urn:xmpp:ping"), PATIENCE_MS, on_reply, &c);
	await(&c.answers, 1);
	assert_int_equal(c.cond, COND_OK);
	assert_true(c.has_reply);
	stream_query(c.x, NULL, "get", elem_new("query", "jabber:iq:roster"), PATIENCE_MS, on_reply, &c);
	await(&c.stanzas, 1);
	assert_int_equal(c.answers, 2);
	assert_int_equal(c.cond, COND_ITEM_NOT_FOUND);
	client_stop(&c);
	server_stop(&s);
	assert_int_equal(c.answers, 2);
	g_string_free(s.heard, TRUE);
}

static void answer_counts_only_from_whom_was_asked(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "<ping"},
		{SAY, "<iq type='result' id='guessed' from='a@b/c'/><message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_query(c.x, "a@b/c", "get", elem_new("ping", "urn:xmpp:ping"), 200, on_reply, &c);
	await(&c.stanzas, 1);
	assert_int_equal(c.answers, 0);
	await(&c.answers, 1);
	assert_int_equal(c.cond, COND_TIMEOUT);
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

/* OpenSSL had them, the socket was empty, and they stayed there until something else came. */
static void stanzas_that_came_in_one_segment_are_all_read(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME),
#define BURST_OF(n) {BURST, #n}, {HEAR, "all of " #n "."}
		BURST_OF(0), BURST_OF(1), BURST_OF(2), BURST_OF(3), BURST_OF(4), BURST_OF(5), BURST_OF(6), BURST_OF(7), BURST_OF(8),
		BURST_OF(9), BURST_OF(10), BURST_OF(11), BURST_OF(12), BURST_OF(40), {HANG, NULL}, {DONE, NULL}};
	static const guint small[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 40};
	struct server s;
	struct client c;
	guint all = 0;

	log_in(&s, &c, script);
	await(&c.online, 1);
	for (size_t i = 0; i < G_N_ELEMENTS(small); i++) {
		struct elem *told = elem_new("message", "jabber:client");
		g_autofree char *words = g_strdup_printf("all of %u.", small[i]);

		all += small[i] + 1;
		await(&c.stanzas, all);
		elem_set_text(elem_add(told, "body", NULL), words);
		stream_send(c.x, told);
	}
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

#define SENT_ON {HEAR, "<stream:stream"}, {ELSEWHERE, NULL}, {NEXT, NULL}
#define SENT_ON_SECURED OPEN_STARTTLS, {TLS, NULL}, {HEAR, "<stream:stream"}, {ELSEWHERE, NULL}, {NEXT, NULL}

static void server_that_sends_us_to_another_host_is_followed_before_and_after_encryption(void **state)
{
	static const struct line script[] = {SENT_ON, SENT_ON_SECURED, LOGIN, FEATURES(BIND), BOUND(ME), {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	assert_int_equal(c.offline, 0);
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

static void servers_that_send_us_round_in_a_circle_are_left_after_five_times_and_named_so(void **state)
{
	static const struct line script[] = {SENT_ON, SENT_ON, SENT_ON, SENT_ON, SENT_ON, SENT_ON, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_SERVER, "see-other-host");
}

static void error_without_a_text_is_named_by_its_condition(void **state)
{
	static const struct line script[] = {{HEAR, "<stream:stream"}, {SAY, HEAD "<stream:error><host-unknown "
		"xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"}, {DONE, NULL}};

	assert_refused(script, "ca.pem", NULL, JC_SERVER, "host-unknown");
}

/* Asks TO for something that SCRIPT, a LIST, answers. */
static enum iq_cond condition_of_list(const struct line *script, const char *to, gboolean *has_reply)
{
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_query(c.x, to, "get", elem_new("query", "jabber:iq:roster"), 2 * PATIENCE_MS, on_reply, &c);
	await(&c.answers, 1);
	*has_reply = c.has_reply;
	client_stop(&c);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
	return c.cond;
}

#define ACCOUNT "romeo@lab.test"
#define ASKED LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "jabber:iq:roster"}, {HEAR, ">"}

static void list_of_20000_contacts_of_our_own_server_comes_whole(void **state)
{
	static const struct line script[] = {ASKED, {LIST, "20000 5 " ACCOUNT}, {HANG, NULL}, {DONE, NULL}};
	gboolean has_reply;

	assert_int_equal(condition_of_list(script, NULL, &has_reply), COND_OK);
	assert_true(has_reply);
}

/* At once, and not as if nobody had answered. */
static void answer_beyond_the_bounds_says_so(void **state)
{
	static const struct line ours[] = {ASKED, {LIST, "170 100000 " ACCOUNT}, {HANG, NULL}, {DONE, NULL}},
		theirs[] = {ASKED, {LIST, "2100 5 a@b/c"}, {HANG, NULL}, {DONE, NULL}};
	gboolean has_reply;

	assert_int_equal(condition_of_list(theirs, "a@b/c", &has_reply), COND_TOO_LARGE);
	assert_int_equal(condition_of_list(ours, NULL, &has_reply), COND_TOO_LARGE);
}

/* What comes of one event is on its way together, however long that takes: else the small answer to an offer goes first, and a
 * server with Nagle's algorithm passes on the accept a round trip later. */
static void what_is_sent_before_the_main_loop_is_idle_leaves_together(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "the-first"}, {HEAR, "the-second"},
					     {SAY, "<message from='a@b/c'/>"}, {HANG, NULL}, {DONE, NULL}};
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_send(c.x, xml("<message xmlns='jabber:client' to='a@b' id='the-first'/>"));
	g_usleep(300000);
	stream_send(c.x, xml("<message xmlns='jabber:client' to='a@b' id='the-second'/>"));
	await(&c.stanzas, 1);
	client_stop(&c);
	server_stop(&s);
	assert_true(s.hear_us < 200000);
	g_string_free(s.heard, TRUE);
}

static void close_sends_what_is_queued_and_says_goodbye(void **state)
{
	static const struct line script[] = {LOGIN, FEATURES(BIND), BOUND(ME), {HEAR, "last-words"}, {HEAR, "</stream:stream>"},
					     {SAY, "</stream:stream>"}, {HANG, NULL}, {DONE, NULL}};
	gboolean late = FALSE;
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	await(&c.online, 1);
	stream_send(c.x, xml("<message xmlns='jabber:client' to='a@b' id='last-words'/>"));
	stream_close(c.x, PATIENCE_MS, on_closed, &c);
	g_timeout_add(5000, on_patience, &late);
	while (!c.closed && !late)
		g_main_context_iteration(NULL, TRUE);
	assert_false(late);
	g_source_remove_by_user_data(&late);
	assert_int_equal(c.offline, 0);
	client_stop(&c);
	server_stop(&s);
	assert_true(heard(&s, "last-words"));
	assert_true(heard(&s, "</stream:stream>"));
	g_string_free(s.heard, TRUE);
}

static void free_in_mid_handshake_is_quick(void **state)
{
	static const struct line script[] = {OPEN_STARTTLS, {HANG, NULL}, {DONE, NULL}};
	gint64 began;
	struct server s;
	struct client c;

	log_in(&s, &c, script);
	while (!strstr(c.phases->str, "tcp"))
		g_main_context_iteration(NULL, TRUE);
	began = g_get_monotonic_time();
	client_stop(&c);
	assert_true(g_get_monotonic_time() - began < 1500000);
	server_stop(&s);
	g_string_free(s.heard, TRUE);
}

/* ---- certificates ---- */

static int make_certificates(void **state)
{
	static const char script[] =
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 30 -subj '/CN=test CA' && "
		"openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout server.key -out server.csr -subj /CN=lab.test && "
		"printf 'subjectAltName=DNS:lab.test\\n' >ext && "
		"openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 30 -extfile ext && "
		"printf 'sha256:' >server.sha256 && openssl x509 -in server.pem -outform DER | sha256sum | cut -c1-64 >>server.sha256";
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	int status = 1;

	dir = g_dir_make_tmp("t_stream-XXXXXX", NULL);
	if (!dir || !g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
				  NULL, &status, NULL))
		return 1;
	return status;
}

static int remove_certificates(void **state)
{
	static const char *const files[] = {"ca.key", "ca.pem", "ca.srl", "server.key", "server.csr", "server.pem", "server.sha256", "ext"};

	for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
		g_autofree char *path = g_build_filename(dir, files[i], NULL);

		g_unlink(path);
	}
	g_rmdir(dir);
	g_free(dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(server_without_starttls_hears_no_password),
		cmocka_unit_test(weaker_logins_than_scram_are_refused),
		cmocka_unit_test(refused_password_is_not_tried_in_another_way),
		cmocka_unit_test(unknown_certificate_is_refused_and_its_own_hash_shown),
		cmocka_unit_test(pin_decides_alone),
		cmocka_unit_test(certificate_of_another_name_is_refused),
		cmocka_unit_test(unusable_ca_file_is_a_configuration_error),
		cmocka_unit_test(false_account_is_refused),
		cmocka_unit_test(what_comes_in_one_breath_with_proceed_is_no_word_of_the_server),
		cmocka_unit_test(what_comes_in_the_place_of_proceed_ends_no_more_than_the_attempt),
		cmocka_unit_test(server_that_binds_nothing_is_survived),
		cmocka_unit_test(endless_hashing_is_survived),
		cmocka_unit_test(hanging_phase_is_cut_and_named),
		cmocka_unit_test(server_that_is_not_there_is_named),
		cmocka_unit_test(login_passes_its_phases_in_order),
		cmocka_unit_test(resource_that_the_user_did_not_choose_has_128_random_bits),
		cmocka_unit_test(pinned_certificate_needs_no_authority),
		cmocka_unit_test(unknown_request_is_answered_service_unavailable),
		cmocka_unit_test(more_than_a_server_must_take_is_not_sent),
		cmocka_unit_test(lost_stream_is_made_anew_and_the_open_question_asked_again),
		cmocka_unit_test(conflict_is_final_and_ends_the_questions),
		cmocka_unit_test(what_strangers_put_into_their_stanzas_is_no_word_of_the_stream),
		cmocka_unit_test(stream_is_resumed_and_what_was_asked_meanwhile_is_sent),
		cmocka_unit_test(refused_resumption_leads_to_a_fresh_stream),
		cmocka_unit_test(an_answer_reaches_who_asked_once_and_no_handler),
		cmocka_unit_test(answer_counts_only_from_whom_was_asked),
		cmocka_unit_test(server_that_sends_us_to_another_host_is_followed_before_and_after_encryption),
		cmocka_unit_test(servers_that_send_us_round_in_a_circle_are_left_after_five_times_and_named_so),
		cmocka_unit_test(error_without_a_text_is_named_by_its_condition),
		cmocka_unit_test(stanzas_that_came_in_one_segment_are_all_read),
		cmocka_unit_test(list_of_20000_contacts_of_our_own_server_comes_whole),
		cmocka_unit_test(answer_beyond_the_bounds_says_so),
		cmocka_unit_test(what_is_sent_before_the_main_loop_is_idle_leaves_together),
		cmocka_unit_test(close_sends_what_is_queued_and_says_goodbye),
		cmocka_unit_test(free_in_mid_handshake_is_quick),
	};

	signal(SIGPIPE, SIG_IGN);		/* for the server's side of this program */
	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
