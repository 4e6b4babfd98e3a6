#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <glib/gstdio.h>

#include "config.h"
#include "err.h"

#define HOME "[account home]\njid = romeo@montague.lit\n"

static char *top;			/* a directory of our own: $HOME and $XDG_CONFIG_HOME/.. */

static struct config *parse(const char *text, gboolean is_private, GError **error)
{
	return config_parse("/etc/x/conf", text, strlen(text), is_private, error);
}

static struct config *parse_good(const char *text)
{
	g_autoptr(GError) error = NULL;
	struct config *c = parse(text, TRUE, &error);

	if (!c)
		fail_msg("refused: %s\n%s", error->message, text);
	return c;
}

static void assert_refused(const char *text, const char *beginning)
{
	g_autoptr(GError) error = NULL;
	struct config *c = parse(text, TRUE, &error);

	if (c)
		fail_msg("taken:\n%s", text);
	assert_int_equal(error->domain, JC_ERROR);
	assert_int_equal(error->code, JC_CONFIG);
	if (!g_str_has_prefix(error->message, beginning))
		fail_msg("'%s' does not begin with '%s'", error->message, beginning);
	assert_false(g_str_has_suffix(error->message, "."));
}

static const struct account *account(const struct config *c, guint i)
{
	assert_true(i < c->accounts->len);
	return c->accounts->pdata[i];
}

/* ---- values ---- */

static void every_key_is_read_into_its_place(void **state)
{
	g_autofree char *text = g_strdup(HOME "password = a b\\\\c\npassword_command = echo x\nserver = xmpp.montague.lit:5223\n"
		"ca_file = ~/ca.pem\npin = sha256:AB:CDef0123456789abcdef0123456789abcdef0123456789abcdef0123456789\n"
		"gateway = cheogram.com\n[account work]\njid = romeo@work.lit/desk\n"
		"[audio]\nin = tone:440\nout = null\nring = null\ncodecs = pcma, opus\nbitrate = 24000\nptime = 40\ncomplexity = 5\nfec = false\ndtx = true\n"
		"[answer]\nallow = juliet@capulet.lit; friends.example nurse@capulet.lit,\nallow_contacts = yes\nnotify = false\nmigrate = no\n"
		"[call]\nring_timeout = 7\nencryption = sdes, dtls\n[network]\nstun = [2001:db8::1]:3479\nloopback = true\n"
		"transports = raw-udp, ice-udp\n");
	g_autofree char *ca = g_build_filename(top, "ca.pem", NULL);
	struct config *c = parse_good(text);
	const struct account *a = account(c, 0);

	assert_string_equal(a->name, "home");
	assert_string_equal(a->jid, "romeo@montague.lit");
	assert_string_equal(a->password, "a b\\c");
	assert_string_equal(a->password_command, "echo x");
	assert_string_equal(a->host, "xmpp.montague.lit");
	assert_int_equal(a->port, 5223);
	assert_string_equal(a->ca_file, ca);
	assert_string_equal(a->pin, "sha256:abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789");
	assert_string_equal(account(c, 1)->jid, "romeo@work.lit/desk");
	assert_string_equal(c->audio_in, "tone:440");
	assert_string_equal(c->audio_out, "null");
	assert_string_equal(c->audio_ring, "null");
	assert_int_equal(c->bitrate_bps, 24000);
	assert_int_equal(c->ptime_ms, 40);
	assert_int_equal(c->complexity, 5);
	assert_false(c->fec);
	assert_true(c->dtx);
	assert_int_equal(c->answer_allow->len, 3);
	assert_string_equal(c->answer_allow->pdata[2], "nurse@capulet.lit");
	assert_true(c->answer_allow_contacts);
	assert_false(c->answer_notify);
	assert_false(c->answer_migrate);
	assert_int_equal(c->ring_timeout_s, 7);
	assert_int_equal(c->servers.server[0].kind, SERVER_STUN);
	assert_string_equal(c->servers.server[0].host, "2001:db8::1");
	assert_int_equal(c->servers.server[0].port, 3479);
	assert_true(c->loopback);
	assert_string_equal(a->gateway, "cheogram.com");
	assert_int_equal(c->codecs.count, 2);
	assert_int_equal(c->codecs.kind[0], CODEC_PCMA);
	assert_int_equal(c->codecs.kind[1], CODEC_OPUS);
	assert_int_equal(c->transports.count, 2);
	assert_int_equal(c->transports.kind[0], TRANSPORT_RAW_UDP);
	assert_int_equal(c->transports.kind[1], TRANSPORT_ICE_UDP);
	assert_int_equal(c->keyings.count, 2);
	assert_int_equal(c->keyings.kind[0], KEYING_DTLS);	/* in whatever order they are named */
	assert_int_equal(c->keyings.kind[1], KEYING_SDES);
	config_free(c);
}

static void keys_that_the_server_can_read_have_to_be_wished_for(void **state)
{
	static const struct { const char *text; enum keying_kind first; size_t count; } table[] = {
		{"", KEYING_DTLS, 1}, {"[call]\nencryption = dtls\n", KEYING_DTLS, 1}, {"[call]\nencryption = sdes\n", KEYING_SDES, 1},
		{"[call]\nencryption = dtls sdes\n", KEYING_DTLS, 2}};

	for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
		struct config *c = parse_good(table[i].text);

		assert_int_equal(c->keyings.count, table[i].count);
		assert_int_equal(c->keyings.kind[0], table[i].first);
		config_free(c);
	}
}

static void one_transport_alone_can_be_wished(void **state)
{
	struct config *c = parse_good("[network]\ntransports = raw-udp\n");

	assert_int_equal(c->transports.count, 1);
	assert_int_equal(c->transports.kind[0], TRANSPORT_RAW_UDP);
	config_free(c);
}

static void servers_are_hosts_with_or_without_a_port(void **state)
{
	static const struct { const char *value, *host; guint16 port; } cases[] = {
		{"h", "h", 0}, {"h:1", "h", 1}, {"h:65535", "h", 65535}, {"192.0.2.1:5222", "192.0.2.1", 5222},
		{"::1", "::1", 0}, {"[::1]", "::1", 0}, {"[::1]:5222", "::1", 5222}};
	static const char *const bad[] = {"", ":1", "h:", "h:0", "h:65536", "h:x", "[::1", "[]:1", "[::1]5222", "h h", "xmpp://h",
		"u@h", "h/x"};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(HOME "server = %s\n", cases[i].value);
		struct config *c = parse_good(text);

		assert_string_equal(account(c, 0)->host, cases[i].host);
		assert_int_equal(account(c, 0)->port, cases[i].port);
		config_free(c);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *text = g_strdup_printf(HOME "server = %s\n", bad[i]);

		assert_refused(text, "/etc/x/conf:3: 'server' ");
	}
}

#define TURN(line) HOME "[network]\n" line "\nturn_user = u\nturn_password = p\n"

static void turn_servers_are_uris_and_share_user_and_password(void **state)
{
	struct config *c = parse_good(TURN("turn = turn:a.b turn:[::1]:99?transport=tcp; turn:a?transport=udp turns:t:443?transport=tcp\nstun = s"));
	static const struct { enum server_kind kind; const char *host; guint16 port; } want[] = {
		{SERVER_TURN_UDP, "a.b", 3478}, {SERVER_TURN_TCP, "::1", 99}, {SERVER_TURN_UDP, "a", 3478}, {SERVER_TURN_TLS, "t", 443},
		{SERVER_STUN, "s", 3478}};

	assert_int_equal(c->servers.count, G_N_ELEMENTS(want));
	for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
		const struct ice_server *s = &c->servers.server[i];

		assert_int_equal(s->kind, want[i].kind);
		assert_string_equal(s->host, want[i].host);
		assert_int_equal(s->port, want[i].port);
		assert_string_equal(s->user, s->kind == SERVER_STUN ? "" : "u");
		assert_string_equal(s->password, s->kind == SERVER_STUN ? "" : "p");
	}
	config_free(c);
}

static void a_turn_server_that_could_not_be_used_is_an_error(void **state)
{
	static const char *const wrong[] = {"a.b", "stun:a", "turn:", "turn:a:0", "turns:a?transport=udp", "turn:a?transport=sctp", "turn://a", "http://a"};

	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autofree char *text = g_strdup_printf(TURN("turn = %s"), wrong[i]);

		assert_refused(text, "/etc/x/conf:4: 'turn' is");
	}
	assert_refused(HOME "[network]\nturn = turn:a\n", "/etc/x/conf:4: 'turn' needs 'turn_user' and 'turn_password'");
	assert_refused(HOME "[network]\nturn = turn:a\nturn_user = u\n", "/etc/x/conf:4: 'turn' needs");
	assert_refused(TURN("turn = turn:1 turn:2 turn:3 turn:4 turn:5 turn:6 turn:7 turn:8 turn:9"), "/etc/x/conf:4: more than 8");
}

static void values_out_of_range_are_errors_with_file_and_line(void **state)
{
	static const char *const bad[] = {"[audio]\n\nbitrate = 5999", "[audio]\n\nbitrate = 128001", "[audio]\n\nbitrate = 32k",
		"[audio]\n\nptime = 30", "[audio]\n\ncomplexity = 11", "[audio]\n\ncomplexity = -1", "[audio]\n\nfec = maybe",
		"[audio]\n\nin = device:", "[audio]\n\nout = tone:440", "[call]\n\nring_timeout = 0", "[call]\n\nring_timeout =",
		"[call]\n\nencryption =", "[call]\n\nencryption = none", "[call]\n\nencryption = dtls dtls",
		"[call]\n\nencryption = DTLS", "[call]\n\nencryption = dtls sdes any", "[network]\n\ntransports =", "[network]\n\ntransports = tcp", "[network]\n\ntransports = raw-udp raw-udp",
		"[audio]\n\ncodecs =", "[audio]\n\ncodecs = opus speex", "[audio]\n\ncodecs = opus opus", "[audio]\n\ncodecs = cn",
		"[audio]\n\ncodecs = opus g722 pcmu pcma opus",
		"[network]\n\ntransports = ice-udp raw-udp tcp", "[answer]\n\nallow = a b/c", "[answer]\n\nallow = *", "[answer]\n\nallow_contacts = 2", "[answer]\n\nnotify = maybe",
		"[account a]\n\njid = @montague.lit", "[account a]\n\njid = romeo@", "[account a]\n\njid = romeo@montague.lit/",
		"[account a]\n\njid = ro meo@montague.lit", "[account a]\n\njid = romeo@@montague.lit",
		"[account a]\n\njid = nobody", "[account a]\n\njid = montague.lit/a@b", "[account a]\n\njid =",
		"[account a]\n\ngateway = a@b", "[account a]\n\ngateway =", "[account a]\n\npin = md5:00", "[account a]\n\npin = sha256:00", "[account a]\n\nca_file = /nonexistent/ca",
		"[account a]\n\nca_file =", "[account a]\n\npassword =", "[account a]\n\npassword = a\\q",
		"[account a]\n\npassword_command = 'open quote", "[account a]\n\npassword_command ="};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_refused(bad[i], "/etc/x/conf:3: ");
}

static void a_relative_ca_file_is_beside_the_configuration(void **state)
{
	g_autofree char *path = g_build_filename(top, "config", NULL), *ca = g_build_filename(top, "ca.pem", NULL);
	const char *text = HOME "ca_file = ca.pem\n";
	struct config *c = config_parse(path, text, strlen(text), TRUE, NULL);

	assert_non_null(c);
	assert_string_equal(account(c, 0)->ca_file, ca);
	config_free(c);
}

static void a_configuration_named_from_its_own_directory_finds_its_ca_file(void **state)
{
	g_autofree char *before = g_get_current_dir(), *ca = g_build_filename(top, "ca.pem", NULL);
	g_autofree char *whole = g_strconcat(HOME, "ca_file = ", ca, "\n", NULL);
	const char *texts[] = {HOME "ca_file = ca.pem\n", whole};

	assert_int_equal(g_chdir(top), 0);
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		struct config *c = config_parse("config", texts[i], strlen(texts[i]), TRUE, NULL);

		assert_non_null(c);
		assert_string_equal(account(c, 0)->ca_file, ca);
		config_free(c);
	}
	assert_int_equal(g_chdir(before), 0);
}

static void without_a_value_the_defaults_hold(void **state)
{
	struct config *c = parse_good("");

	assert_int_equal(c->accounts->len, 0);
	assert_int_equal(c->answer_allow->len, 0);
	assert_false(c->answer_allow_contacts);
	assert_true(c->answer_notify);
	assert_true(c->answer_migrate);
	assert_int_equal(c->ring_timeout_s, 45);
	assert_int_equal(c->ptime_ms, 20);
	assert_string_equal(c->audio_in, "default");
	assert_null(c->audio_ring);
	assert_int_equal(c->servers.count, 0);
	assert_false(c->loopback);
	assert_int_equal(c->codecs.count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(c->codecs.kind[i], i);		/* as they are numbered */
	assert_int_equal(c->transports.count, 2);
	assert_int_equal(c->transports.kind[0], TRANSPORT_ICE_UDP);
	assert_int_equal(c->transports.kind[1], TRANSPORT_RAW_UDP);
	config_free(c);
}

/* ---- lines ---- */

static void unknown_keys_and_groups_are_errors_that_name_the_known_ones(void **state)
{
	assert_refused(HOME "pasword = x\n", "/etc/x/conf:3: unknown key 'pasword' in [account home]; there are: jid, password, ");
	assert_refused("[audio]\nring_timeout = 3\n", "/etc/x/conf:2: unknown key 'ring_timeout' in [audio]; ");
	assert_refused("# x\n\n[video]\n", "/etc/x/conf:3: unknown group [video]; there are [account NAME], ");
	assert_refused("[accounts]\n", "/etc/x/conf:1: unknown group ");
}

static void what_is_given_twice_is_an_error_on_its_second_line(void **state)
{
	assert_refused("[audio]\nptime = 20\n ptime=40\n", "/etc/x/conf:3: ptime is on line 2 already");
	assert_refused("[audio]\n[call]\n[audio]\n", "/etc/x/conf:3: [audio] is on line 1 already");
	assert_refused(HOME "[account  home]\njid = a@b\n", "/etc/x/conf:3: [account  home] needs a name of its own");
	assert_refused("[account ]\njid = a@b\n", "/etc/x/conf:1: ");
}

static void lines_that_are_nothing_are_errors_that_do_not_repeat_them(void **state)
{
	g_autoptr(GError) error = NULL;

	assert_refused(HOME "password s3cret\n", "/etc/x/conf:3: ");
	assert_null(parse(HOME "password s3cret\n", TRUE, &error));
	assert_null(strstr(error->message, "s3cret"));
	assert_refused("jid = a@b\n", "/etc/x/conf:1: a key needs a group ");
	assert_refused("[audio\n", "/etc/x/conf:1: ");
	assert_refused("[]\n", "/etc/x/conf:1: ");
	assert_refused("[audio]\n= 3\n", "/etc/x/conf:2: ");
	assert_refused("[audio]\n\xff = 3\n", "/etc/x/conf:2: this is not UTF-8 text");
}

static void an_account_needs_its_jid(void **state)
{
	assert_refused("[audio]\n[account home]\nserver = x\n", "/etc/x/conf:2: [account home] has no 'jid'");
}

static void control_characters_of_the_file_do_not_reach_the_message(void **state)
{
	g_autoptr(GError) error = NULL;

	assert_null(parse("[audio]\nx\x1b[31m = 1\n", TRUE, &error));
	assert_null(strchr(error->message, '\x1b'));
}

static void carriage_returns_comments_and_blanks_do_not_matter(void **state)
{
	struct config *c = parse_good("# a\r\n\r\n [account home] \r\n  # b\r\n\tjid\t=\tromeo@montague.lit \r\n");

	assert_string_equal(account(c, 0)->jid, "romeo@montague.lit");
	config_free(c);
}

static void random_lines_are_taken_or_refused_with_a_message(void **state)
{
	static const char *const pieces[] = {"[account a]", "[account]", "[audio]", "[answer]", "[network]", "jid", "password", "pin",
		"allow", "in", "stun", "=", " ", "\n", "\n", "\n", "a@b", "true", "\\", "[", "]", "#", ":", "\xff", "\x01", "20", ";"};
	GRand *rand = g_rand_new_with_seed(7);
	int taken = 0;

	for (int round = 0; round < 5000; round++) {
		g_autoptr(GString) text = g_string_new(NULL);
		g_autoptr(GError) error = NULL;
		struct config *c;

		for (int i = g_rand_int_range(rand, 0, 24); i > 0; i--)
			g_string_append(text, pieces[g_rand_int_range(rand, 0, G_N_ELEMENTS(pieces))]);
		c = parse(text->str, TRUE, &error);
		assert_true((c != NULL) == (error == NULL));
		taken += c ? 1 : 0;
		config_free(c);
	}
	assert_true(taken > 0 && taken < 5000);
	g_rand_free(rand);
}

/* ---- the file ---- */

static char *write_file(const char *name, const char *text, gsize len, mode_t mode)
{
	char *path = g_build_filename(top, name, NULL);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void a_password_in_a_file_others_can_read_is_refused(void **state)
{
	static const mode_t open_modes[] = {0640, 0604, 0620, 0602, 0644};
	const char *text = HOME "password = x\n";

	for (size_t i = 0; i < G_N_ELEMENTS(open_modes); i++) {
		g_autofree char *path = write_file("readable", text, strlen(text), open_modes[i]);
		g_autoptr(GError) error = NULL;

		assert_null(config_load(path, &error));
		assert_int_equal(error->code, JC_CONFIG);
		assert_non_null(strstr(error->message, ":3: "));
		assert_non_null(strstr(error->message, "chmod 600"));
	}
}

static void a_private_file_may_hold_a_password_and_any_file_the_rest(void **state)
{
	g_autofree char *closed = write_file("closed", HOME "password = x\n", strlen(HOME "password = x\n"), 0600);
	g_autofree char *shared = write_file("shared", HOME, strlen(HOME), 0644);
	struct config *a = config_load(closed, NULL), *b = config_load(shared, NULL);

	assert_non_null(a);
	assert_non_null(b);
	assert_string_equal(a->path, closed);
	assert_string_equal(account(a, 0)->password, "x");
	config_free(a);
	config_free(b);
}

static void the_default_file_may_be_missing_but_a_named_one_may_not(void **state)
{
	g_autoptr(GError) error = NULL;
	struct config *c = config_load(NULL, &error);

	assert_non_null(c);
	assert_null(c->path);
	config_free(c);
	assert_null(config_load("/nonexistent/config", &error));
	assert_int_equal(error->code, JC_CONFIG);
	assert_non_null(strstr(error->message, "/nonexistent/config"));
	g_clear_error(&error);
	assert_null(config_load(top, &error));		/* a directory */
	assert_int_equal(error->code, JC_CONFIG);
}

static void files_of_more_than_a_mebibyte_are_refused(void **state)
{
	g_autofree char *big = g_strnfill((1 << 20) + 1, '\n');
	g_autofree char *path = write_file("big", big, (1 << 20) + 1, 0600), *fits = write_file("fits", big, 1 << 20, 0600);
	g_autoptr(GError) error = NULL;
	struct config *c = config_load(fits, NULL);

	assert_non_null(c);
	config_free(c);
	assert_null(config_load(path, &error));
	assert_non_null(strstr(error->message, "1 MiB"));
}

/* ---- accounts ---- */

static void the_first_account_is_the_default_and_others_go_by_name(void **state)
{
	struct config *c = parse_good("[account work]\njid = a@work\n[account]\njid = a@b\n" HOME);
	g_autoptr(GError) error = NULL;

	assert_string_equal(config_account(c, NULL, NULL)->name, "work");
	assert_string_equal(config_account(c, "default", NULL)->jid, "a@b");
	assert_string_equal(config_account(c, "home", NULL)->jid, "romeo@montague.lit");
	assert_null(config_account(c, "hme", &error));
	assert_int_equal(error->code, JC_CONFIG);
	assert_non_null(strstr(error->message, "there are: work, default, home"));
	config_free(c);
}

static void a_contact_goes_by_its_name_and_by_its_address_before_its_domain(void **state)
{
	struct config *c = parse_good(HOME "[contact all]\njid = capulet.lit\nencryption = sdes\n"
				      "[contact julie]\njid = juliet@capulet.lit\n[contact rest]\njid = b@verona.lit\n");

	assert_string_equal(config_contact_named(c, "julie")->jid, "juliet@capulet.lit");
	assert_null(config_contact_named(c, "juliet"));
	assert_string_equal(config_contact(c, "Juliet@capulet.lit/balcony")->name, "julie");
	assert_string_equal(config_contact(c, "nurse@capulet.lit")->name, "all");
	assert_null(config_contact(c, "a@verona.lit"));
	assert_int_equal(config_contact_named(c, "all")->keyings.kind[0], KEYING_SDES);
	assert_int_equal(config_contact_named(c, "julie")->keyings.count, 0);
	config_free(c);
}

static void a_contact_needs_a_name_that_is_no_address_and_a_jid(void **state)
{
	assert_refused(HOME "[contact julie]\nencryption = sdes\n", "/etc/x/conf:3: [contact julie] has no 'jid'");
	assert_refused(HOME "[contact a@b]\njid = a@b\n", "/etc/x/conf:3: [contact a@b] needs a name");
	assert_refused(HOME "[contact +1555]\njid = a@b\n", "/etc/x/conf:3: [contact +1555] needs a name");
	assert_refused(HOME "[contact ]\njid = a@b\n", "/etc/x/conf:3: [contact ] needs a name");
	assert_refused(HOME "[contact a b]\njid = a@b\n", "/etc/x/conf:3: [contact a b] needs a name");
	assert_refused(HOME "[contact]\njid = a@b\n", "/etc/x/conf:3: unknown group [contact]");
	assert_refused(HOME "[contact a]\njid = a@b/c\n", "/etc/x/conf:4: 'a@b/c' is neither");
	assert_refused(HOME "[contact a]\njid = a@b\n[contact  a]\njid = b@b\n", "/etc/x/conf:5: [contact  a] needs a name");
	assert_refused(HOME "[contact a]\njid = a@b\nencryption = none\n", "/etc/x/conf:5: 'encryption' knows dtls, sdes");
	assert_refused(HOME "[contact a]\njid = a@b\nrings = 1\n", "/etc/x/conf:5: unknown key 'rings' in [contact a]; there are: jid, encryption");
}

static void without_an_account_one_is_told_what_to_write_and_where(void **state)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *place = config_default_path();
	struct config *c = config_load(NULL, NULL);

	assert_null(config_account(c, NULL, &error));
	assert_int_equal(error->code, JC_CONFIG);
	assert_non_null(strstr(error->message, place));
	assert_non_null(strstr(error->message, "[account home]"));
	assert_non_null(strstr(error->message, "jid = "));
	assert_null(strchr(error->message, '\n'));
	config_free(c);
}

static void an_entry_allows_its_address_or_its_domain(void **state)
{
	assert_true(allow_matches("juliet@capulet.lit", "Juliet@capulet.lit/balcony"));
	assert_false(allow_matches("juliet@capulet.lit", "nurse@capulet.lit"));
	assert_true(allow_matches("Capulet.lit", "nurse@capulet.lit/x"));
	assert_true(allow_matches("capulet.lit", "capulet.lit"));
	assert_false(allow_matches("capulet.lit", "a@sub.capulet.lit"));
	assert_false(allow_matches("capulet.lit", "a@capulet.lit.evil.lit"));
	assert_false(allow_matches("capulet.lit", "capulet.lit@evil.lit"));
	assert_false(allow_matches("evil.lit", "a@b/x@evil.lit"));
	assert_false(allow_matches("capulet.lit", "evil.lit/x@capulet.lit"));
	assert_true(allow_matches("evil.lit", "evil.lit/x@capulet.lit"));
}

/* ---- the documents ---- */

static char *read_document(const char *name)
{
	char *text = NULL;

	if (!g_file_get_contents(name, &text, NULL, NULL))
		fail_msg("%s is not there; the tests run in the top directory of the project", name);
	return text;
}

/* "#key = value" and "#[group]" are keys that are commented out; prose has a blank after the '#'. */
static char *uncomment(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (**line == '#' && (g_ascii_islower((*line)[1]) || (*line)[1] == '['))
			memmove(*line, *line + 1, strlen(*line));
	return g_strjoinv("\n", lines);
}

static void the_example_is_taken_as_it_is(void **state)
{
	g_autofree char *text = read_document("config.example");
	g_autoptr(GError) error = NULL;
	struct config *c = parse(text, FALSE, &error);

	if (!c)
		fail_msg("%s", error->message);
	assert_int_equal(c->accounts->len, 1);
	config_free(c);
}

static void every_key_of_the_example_is_taken_and_shows_the_default(void **state)
{
	g_autofree char *text = read_document("config.example"), *all = uncomment(text);
	struct config *c = parse_good(all), *d = parse_good("");

	assert_int_equal(c->accounts->len, 2);
	assert_string_equal(c->audio_in, d->audio_in);
	assert_string_equal(c->audio_out, d->audio_out);
	assert_int_equal(c->bitrate_bps, d->bitrate_bps);
	assert_int_equal(c->ptime_ms, d->ptime_ms);
	assert_int_equal(c->complexity, d->complexity);
	assert_int_equal(c->fec, d->fec);
	assert_int_equal(c->dtx, d->dtx);
	assert_int_equal(c->answer_allow_contacts, d->answer_allow_contacts);
	assert_int_equal(c->answer_notify, d->answer_notify);
	assert_int_equal(c->ring_timeout_s, d->ring_timeout_s);
	assert_int_equal(c->loopback, d->loopback);
	assert_memory_equal(&c->transports, &d->transports, sizeof(c->transports));
	config_free(c);
	config_free(d);
}

static void assert_documented(const char *document, const char *group, const char *line, const struct config_key *k)
{
	const char *section = strstr(document, group);

	if (!section || !strstr(section, line))
		fail_msg("%s of %s is not documented by '%s'", k->key, k->group, line + 1);
}

static void every_key_is_in_the_example_and_in_the_manual(void **state)
{
	g_autofree char *example = read_document("config.example"), *all = uncomment(example);
	g_autofree char *manual = read_document("man/jcall-config.5");

	for (const struct config_key *k = config_keys; k->key; k++) {
		g_autofree char *line = g_strdup_printf("\n%s = ", k->key), *item = g_strdup_printf("\n.It Cm %s\n", k->key);
		g_autofree char *group = g_strdup_printf("\n[%s", k->group), *section = g_strdup_printf("\n.Ss Group %s", k->group);

		assert_documented(all, group, line, k);
		assert_documented(manual, section, item, k);
	}
}

static void every_key_of_the_manual_exists(void **state)
{
	g_autofree char *manual = read_document("man/jcall-config.5");
	g_auto(GStrv) lines = g_strsplit(manual, "\n", -1);
	g_autofree char *group = NULL;

	for (char **line = lines; *line; line++) {
		const struct config_key *k = config_keys;

		if (g_str_has_prefix(*line, ".Ss Group ")) {
			g_free(group);
			group = g_strndup(*line + 10, strcspn(*line + 10, " "));
		}
		if (!g_str_has_prefix(*line, ".It Cm "))
			continue;
		while (k->key && (g_strcmp0(k->group, group) != 0 || strcmp(k->key, *line + 7) != 0))
			k++;
		if (!k->key)
			fail_msg("the manual invents %s of %s", *line + 7, group ? group : "?");
	}
}

static int make_top(void **state)
{
	g_autofree char *ca = NULL, *jcall = NULL, *ca2 = NULL, *xdg = NULL;

	top = g_dir_make_tmp("jcall-config-XXXXXX", NULL);
	assert_non_null(top);
	xdg = g_build_filename(top, "xdg", NULL);
	jcall = g_build_filename(top, ".config", "jcall", NULL);
	ca = g_build_filename(top, "ca.pem", NULL);
	ca2 = g_build_filename(jcall, "ca.pem", NULL);
	assert_true(g_setenv("HOME", top, TRUE) && g_setenv("XDG_CONFIG_HOME", xdg, TRUE));
	assert_int_equal(g_mkdir_with_parents(jcall, 0700), 0);
	return g_file_set_contents(ca, "x", 1, NULL) && g_file_set_contents(ca2, "x", 1, NULL) ? 0 : -1;
}

static int remove_top(void **state)
{
	static const char *const names[] = {".config/jcall/ca.pem", ".config/jcall", ".config", "ca.pem", "readable", "closed",
		"shared", "big", "fits", ""};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(top, names[i], NULL);

		g_remove(path);
	}
	g_free(top);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_is_read_into_its_place),
		cmocka_unit_test(one_transport_alone_can_be_wished),
		cmocka_unit_test(keys_that_the_server_can_read_have_to_be_wished_for),
		cmocka_unit_test(servers_are_hosts_with_or_without_a_port),
		cmocka_unit_test(turn_servers_are_uris_and_share_user_and_password),
		cmocka_unit_test(a_turn_server_that_could_not_be_used_is_an_error),
		cmocka_unit_test(values_out_of_range_are_errors_with_file_and_line),
		cmocka_unit_test(a_relative_ca_file_is_beside_the_configuration),
		cmocka_unit_test(a_configuration_named_from_its_own_directory_finds_its_ca_file),
		cmocka_unit_test(without_a_value_the_defaults_hold),
		cmocka_unit_test(unknown_keys_and_groups_are_errors_that_name_the_known_ones),
		cmocka_unit_test(what_is_given_twice_is_an_error_on_its_second_line),
		cmocka_unit_test(lines_that_are_nothing_are_errors_that_do_not_repeat_them),
		cmocka_unit_test(an_account_needs_its_jid),
		cmocka_unit_test(control_characters_of_the_file_do_not_reach_the_message),
		cmocka_unit_test(carriage_returns_comments_and_blanks_do_not_matter),
		cmocka_unit_test(random_lines_are_taken_or_refused_with_a_message),
		cmocka_unit_test(a_password_in_a_file_others_can_read_is_refused),
		cmocka_unit_test(a_private_file_may_hold_a_password_and_any_file_the_rest),
		cmocka_unit_test(the_default_file_may_be_missing_but_a_named_one_may_not),
		cmocka_unit_test(files_of_more_than_a_mebibyte_are_refused),
		cmocka_unit_test(the_first_account_is_the_default_and_others_go_by_name),
		cmocka_unit_test(a_contact_goes_by_its_name_and_by_its_address_before_its_domain),
		cmocka_unit_test(a_contact_needs_a_name_that_is_no_address_and_a_jid),
		cmocka_unit_test(without_an_account_one_is_told_what_to_write_and_where),
		cmocka_unit_test(an_entry_allows_its_address_or_its_domain),
		cmocka_unit_test(the_example_is_taken_as_it_is),
		cmocka_unit_test(every_key_of_the_example_is_taken_and_shows_the_default),
		cmocka_unit_test(every_key_is_in_the_example_and_in_the_manual),
		cmocka_unit_test(every_key_of_the_manual_exists),
	};

	return cmocka_run_group_tests(tests, make_top, remove_top);
}
