#include "doctor.h"

#include <string.h>

#include "net/allocation.h"
#include "net/nat.h"
#include "phone.h"
#include "text.h"

enum { STUN_MS = 4000, TURN_MS = 6000 };

struct relay {				/* one TURN server, asked for an address */
	struct ways *owner;
	struct finding *g;
	const struct ice_server *server;
	struct allocation *allocation;
	enum allocation_end end;
	struct turn_answer answer;
	char *words;
	gboolean done;
};

struct ways {
	struct server_list servers, asked;	/* all; those that are asked who we are: no port twice */
	struct finding *stun[MAX_SERVERS], *nat;	/* one for each of ASKED that is a STUN server; else NULL */
	struct nat_probe *probe;
	struct nat_answer answers[NAT_MAX_ANSWERS];	/* those of ASKED, and of their other addresses */
	size_t answer_count;
	gint64 begun_ms, took_ms[NAT_MAX_ANSWERS];
	struct relay relays[MAX_SERVERS];
	size_t relay_count, left;	/* relays, and the probe of the NAT: not done yet */
};

static const char *const transports[] = {[SERVER_TURN_UDP] = "UDP", [SERVER_TURN_TCP] = "TCP", [SERVER_TURN_TLS] = "TLS"};

/* ---- verdicts, once everybody has answered or had his time ---- */

static gboolean some_relay_works(const struct ways *w)
{
	for (size_t i = 0; i < w->relay_count; i++)
		if (w->relays[i].end == ALLOCATION_GRANTED)
			return TRUE;
	return FALSE;
}

/* What does not answer may be blocked by this network: no harm as long as there is another way. */
static void tell_unreached(const struct ways *w, struct finding *g, const char *fix, const char *text)
{
	if (some_relay_works(w))
		finding_warn(g, fix, "%s; another way works", text);
	else
		finding_fail(g, JC_NO_PATH, fix, "%s", text);
}

static void tell_stun(const struct ways *w, size_t i)
{
	const struct nat_answer *a = &w->answers[i];
	const struct ice_server *s = &w->asked.server[i];
	g_autofree char *text = NULL;

	if (a->how == NAT_ANSWER) {
		finding_ok(w->stun[i], "%s:%u sees us at %s, port %u, after %" G_GINT64_FORMAT " ms", s->host, s->port, a->ip, a->port,
			   w->took_ms[i]);
		return;
	}
	text = a->how == NAT_NO_NAME ? g_strdup_printf("no address is found for %s", s->host) :
		g_strdup_printf("%s:%u does not answer by UDP within %d s", s->host, s->port, STUN_MS / 1000);
	tell_unreached(w, w->stun[i], a->how == NAT_NO_NAME ? "check the name, in the configuration or at the XMPP server" :
		       "see whether that server runs, and whether a firewall blocks UDP", text);
}

static void tell_nat(const struct ways *w)
{
	gboolean relayed = some_relay_works(w);

	switch (nat_judge(w->answers, w->answer_count)) {
	case NAT_UNKNOWN:
		finding_skipped(w->nat, "no server tells how it sees us");
		break;
	case NAT_NONE:
		finding_ok(w->nat, "no NAT: servers see the address that this machine has");
		break;
	case NAT_SOME:
		finding_ok(w->nat, "behind a NAT; a second STUN server, at another address, would tell of which kind");
		break;
	case NAT_INDEPENDENT:
		finding_ok(w->nat, "behind a NAT with endpoint-independent mapping: most calls find a direct way");
		break;
	case NAT_DEPENDENT:
		if (relayed)
			finding_ok(w->nat, "behind a symmetric NAT (the mapping depends on the endpoint): some calls need the relay, which works");
		else
			finding_warn(w->nat, "symmetric NAT: a TURN server is needed; name one by 'turn' in the configuration",
				     "behind a symmetric NAT (the mapping depends on the endpoint): with many others there is no sound");
		break;
	}
}

static const char *fix_of_refusal(unsigned code)
{
	switch (code) {
	case 401: case 441: case 438:
		return "the secret of the TURN server must be that of the XMPP server (or check turn_user and turn_password), and their clocks right";
	case 486: case 508:
		return "the TURN server gives no more addresses: see its quota, or wait";
	case 403: case 442:
		return "the TURN server forbids it: see its configuration";
	default:
		return "see the log of the TURN server";
	}
}

static void tell_refused(const struct relay *r, const char *where)
{
	unsigned code = r->answer.code;
	gboolean who = code == 401 || code == 441 || code == 438;

	finding_fail(r->g, JC_NO_PATH, fix_of_refusal(code), "%s %s (%u%s%s)", where, who ? "refuses user and password" : "gives no address",
		     code, r->answer.words[0] ? " " : "", r->answer.words);
}

static void tell_relay(const struct ways *w, const struct relay *r)
{
	static const char reach[] = "see whether that server runs, and whether a firewall is in the way";
	g_autofree char *where = g_strdup_printf("%s:%u by %s", r->server->host, r->server->port, transports[r->server->kind]), *text = NULL;

	switch (r->end) {
	case ALLOCATION_GRANTED:
		finding_ok(r->g, "%s gives the address %s", where, r->answer.ip);
		break;
	case ALLOCATION_REFUSED:
		tell_refused(r, where);
		break;
	case ALLOCATION_INSECURE:
		finding_fail(r->g, JC_NO_PATH, "renew or repair the certificate of that server; an authority of your own is trusted by 'ca_file'", "%s cannot be trusted: %s", where, r->words);
		break;
	case ALLOCATION_UNREACHABLE:
		text = g_strdup_printf("%s cannot be reached: %s", where, r->words);
		tell_unreached(w, r->g, reach, text);
		break;
	case ALLOCATION_SILENT:
		text = g_strdup_printf("%s does not answer within %d s", where, TURN_MS / 1000);
		tell_unreached(w, r->g, reach, text);
		break;
	}
}

static void tell(struct ways *w)
{
	for (size_t i = 0; i < w->asked.count; i++)
		if (w->stun[i])
			tell_stun(w, i);
	tell_nat(w);
	for (size_t i = 0; i < w->relay_count; i++)
		tell_relay(w, &w->relays[i]);
}

/* ---- answers ---- */

static void on_answer(void *ctx, size_t index, const struct nat_answer *a)
{
	struct ways *w = ctx;

	w->answers[index] = *a;
	w->answer_count = MAX(w->answer_count, index + 1);
	w->took_ms[index] = clock_ms() - w->begun_ms;
}

static void on_asked(void *ctx)
{
	struct ways *w = ctx;

	if (--w->left == 0)
		tell(w);
}

static void on_allocated(void *ctx, enum allocation_end end, const struct turn_answer *answer, const char *words)
{
	struct relay *r = ctx;

	r->end = end;
	if (answer)
		r->answer = *answer;
	r->words = words ? text_clean(words, TEXT_LONG) : NULL;
	r->done = TRUE;
	if (--r->owner->left == 0)
		tell(r->owner);
}

/* ---- whom ---- */

static gboolean is_asked(const struct ways *w, const struct ice_server *s)
{
	for (size_t i = 0; i < w->asked.count; i++)
		if (g_ascii_strcasecmp(w->asked.server[i].host, s->host) == 0 && w->asked.server[i].port == s->port)
			return TRUE;
	return FALSE;
}

/* A TURN server answers the question of STUN, too: one more that can tell of the NAT. */
static void choose_asked(struct ways *w, struct findings *f)
{
	for (size_t i = 0; i < w->servers.count; i++)
		if (w->servers.server[i].kind == SERVER_STUN && !is_asked(w, &w->servers.server[i])) {
			w->stun[w->asked.count] = finding_open(f, CHECK_STUN);
			w->asked.server[w->asked.count++] = w->servers.server[i];
		}
	for (size_t i = 0; i < w->servers.count; i++)
		if (w->servers.server[i].kind == SERVER_TURN_UDP && !is_asked(w, &w->servers.server[i]))
			w->asked.server[w->asked.count++] = w->servers.server[i];
}

static void ask_relays(struct ways *w, struct findings *f, const char *ca_file)
{
	for (size_t i = 0; i < w->servers.count; i++) {
		struct relay *r = &w->relays[w->relay_count];

		if (w->servers.server[i].kind == SERVER_STUN)
			continue;
		w->relay_count++;
		w->left++;
		*r = (struct relay){.owner = w, .server = &w->servers.server[i], .g = finding_open(f, CHECK_TURN)};
		r->allocation = allocation_try(r->server, ca_file, TURN_MS, on_allocated, r);
	}
}

static void tell_nobody(const struct ways *w, struct findings *f, gboolean hides)
{
	if (!w->relay_count && hides)
		finding_fail(finding_open(f, CHECK_TURN), JC_NO_PATH, "name a TURN server by 'turn' in the configuration, or do not hide",
			     "no TURN server is known, and without one there is no call that hides our addresses (relay_only)");
	else if (!w->relay_count)
		finding_skipped(finding_open(f, CHECK_TURN), "no TURN server is known");
	if (!w->stun[0])
		finding_skipped(finding_open(f, CHECK_STUN), "no STUN server is known%s", w->asked.count ? "; TURN servers are asked instead" : "");
}

struct ways *ways_begin(struct findings *f, const struct server_list *servers, const char *ca_file, gboolean hides)
{
	struct ways *w = g_new0(struct ways, 1);
	struct nat_events events = {.answer = on_answer, .done = on_asked, .ctx = w};

	w->servers = *servers;
	w->begun_ms = clock_ms();
	choose_asked(w, f);
	w->nat = finding_open(f, CHECK_NAT);
	w->left = w->asked.count > 0;
	ask_relays(w, f, ca_file);
	tell_nobody(w, f, hides);
	if (w->asked.count)
		w->probe = nat_ask(&w->asked, STUN_MS, &events);
	if (!w->left)
		tell(w);
	return w;
}

void ways_free(struct ways *w)
{
	if (!w)
		return;
	nat_probe_free(w->probe);
	for (size_t i = 0; i < w->relay_count; i++) {
		allocation_free(w->relays[i].allocation);
		g_free(w->relays[i].words);
	}
	explicit_bzero(w, sizeof(*w));
	g_free(w);
}
