#include "dtls_fp.h"

#include <string.h>

#define NS_OMEMO_DTLS "http://gultsch.de/xmpp/drafts/omemo/dlts-srtp-verification"	/* sic */

enum { MAX_FINGERPRINTS = 4 };

struct dtls_fp {
	struct dtls_fingerprint ours, theirs;
	gboolean offered_by_us;
	const char *why;
};

struct dtls_fp *dtls_fp_new(const struct dtls_fingerprint *ours)
{
	struct dtls_fp *k = g_new0(struct dtls_fp, 1);

	k->ours = *ours;
	k->ours.setup = DTLS_SETUP_NONE;
	return k;
}

void dtls_fp_free(struct dtls_fp *k)
{
	g_free(k);
}

static const char *const hashes[] = {[DTLS_SHA256] = "sha-256", [DTLS_SHA384] = "sha-384", [DTLS_SHA512] = "sha-512"};
static const size_t hash_len[] = {[DTLS_SHA256] = 32, [DTLS_SHA384] = 48, [DTLS_SHA512] = 64};
static const char *const setups[] = {[DTLS_SETUP_NONE] = NULL, [DTLS_ACTPASS] = "actpass", [DTLS_ACTIVE] = "active",
				     [DTLS_PASSIVE] = "passive", [DTLS_HOLDCONN] = "holdconn"};

/* ---- ours ---- */

static enum dtls_setup our_answer(const struct dtls_fp *k)
{
	return k->theirs.setup == DTLS_ACTIVE ? DTLS_PASSIVE : DTLS_ACTIVE;	/* active saves half a round trip */
}

static gboolean settled(const struct dtls_fp *k)
{
	return k->theirs.len && k->theirs.setup != DTLS_SETUP_NONE;
}

static void write_fp(void *self, enum jingle_action action, struct elem *description, struct elem *transport)
{
	struct dtls_fp *k = self;
	struct elem *e;
	GString *hex;

	if (action == JINGLE_SESSION_INITIATE) {
		k->offered_by_us = TRUE;
		k->ours.setup = DTLS_ACTPASS;
	} else if (action == JINGLE_SESSION_ACCEPT) {
		k->ours.setup = our_answer(k);
	} else if (action == JINGLE_TRANSPORT_REPLACE || action == JINGLE_TRANSPORT_ACCEPT) {
		if (!settled(k) || (!k->offered_by_us && k->ours.setup == DTLS_SETUP_NONE))
			return;		/* the session-accept will tell */
		k->ours.setup = dtls_fp_we_are_client(k) ? DTLS_ACTIVE : DTLS_PASSIVE;	/* the roles stay */
	} else {
		return;			/* a fingerprint in transport-info breaks Monal (rule R13) */
	}
	hex = g_string_new(NULL);
	for (size_t i = 0; i < k->ours.len; i++)
		g_string_append_printf(hex, i ? ":%02X" : "%02X", k->ours.value[i]);
	e = elem_add(transport, "fingerprint", NS_DTLS);
	elem_set(e, "hash", hashes[k->ours.hash]);
	elem_set(e, "setup", setups[k->ours.setup]);
	elem_set_text(e, hex->str);
	g_string_free(hex, TRUE);
}

/* ---- theirs ---- */

static gboolean read_hex(const char *text, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = g_ascii_xdigit_value(text[0]), low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

		if (low < 0 || text[2] != (i + 1 < len ? ':' : '\0'))
			return FALSE;
		out[i] = (uint8_t)(high << 4 | low);
		text += 3;
	}
	return TRUE;
}

static gboolean read_hash(const char *name, struct dtls_fingerprint *out)
{
	for (size_t i = 0; name && i < G_N_ELEMENTS(hashes); i++)
		if (g_ascii_strcasecmp(name, hashes[i]) == 0) {
			out->hash = (enum dtls_hash)i;
			out->len = hash_len[i];
			return TRUE;
		}
	return FALSE;
}

static gboolean read_rest(const struct elem *e, struct dtls_fingerprint *out)
{
	const char *setup = elem_attr(e, "setup");
	g_autofree char *text = g_strstrip(g_strdup(elem_text(e)));

	for (size_t i = 1; setup && i < G_N_ELEMENTS(setups); i++)
		if (strcmp(setup, setups[i]) == 0)
			out->setup = (enum dtls_setup)i;
	return (!setup || out->setup != DTLS_SETUP_NONE) && read_hex(text, out->value, out->len);
}

/* The strongest usable one. Hashes that are weak or unknown are passed over; one that is malformed, or two that
 * differ, are an attack or a fault, and either ends the call. */
static enum jc_err read_strongest(const struct elem *transport, struct dtls_fingerprint *out)
{
	unsigned found = 0;

	memset(out, 0, sizeof(*out));
	for (const struct elem *e = elem_child(transport, "fingerprint", NS_DTLS); e;
	     e = elem_next(e, "fingerprint", NS_DTLS)) {
		struct dtls_fingerprint fp = {0};

		if (!read_hash(elem_attr(e, "hash"), &fp))
			continue;
		if (!read_rest(e, &fp) || ++found > MAX_FINGERPRINTS)
			return JC_SECURITY;
		if (out->len && (fp.setup != out->setup ||
				 (fp.len == out->len && memcmp(fp.value, out->value, fp.len) != 0)))
			return JC_SECURITY;
		if (fp.len > out->len)
			*out = fp;
	}
	return JC_OK;
}

/* Rule R16: a fingerprint that only OMEMO could read. */
static enum jc_err nothing_usable(struct dtls_fp *k, const struct elem *transport)
{
	if (elem_child(transport, "fingerprint", NS_OMEMO_DTLS))
		k->why = "its client has encrypted the fingerprint with OMEMO, which jcall cannot read";
	return JC_SECURITY;
}

static gboolean setup_fits(const struct dtls_fp *k, enum dtls_setup theirs)
{
	if (k->offered_by_us)
		return theirs == DTLS_ACTIVE || theirs == DTLS_PASSIVE;
	return theirs == DTLS_ACTPASS || theirs == DTLS_ACTIVE || theirs == DTLS_PASSIVE;
}

static void keep_undecided(struct dtls_fp *k, const struct dtls_fingerprint *fp)
{
	k->theirs = *fp;
	k->theirs.setup = DTLS_SETUP_NONE;
}

static enum jc_err read_fp(void *self, enum jingle_action action, const struct elem *description,
			   const struct elem *transport)
{
	struct dtls_fp *k = self;
	struct dtls_fingerprint fp;
	gboolean must = action == JINGLE_SESSION_INITIATE || action == JINGLE_SESSION_ACCEPT;
	enum jc_err err = read_strongest(transport, &fp);

	k->why = NULL;
	if (err != JC_OK)
		return err;
	if (!fp.len)			/* an answer without one is a downgrade, unless it came early (rule R15) */
		return must && !settled(k) ? nothing_usable(k, transport) : JC_OK;
	if (k->theirs.len && (fp.len != k->theirs.len || memcmp(fp.value, k->theirs.value, fp.len) != 0))
		return JC_SECURITY;
	if (settled(k))			/* an ICE restart repeats the fingerprint with a setup of its own: no news */
		return must && fp.setup != DTLS_SETUP_NONE && fp.setup != k->theirs.setup ? JC_SECURITY : JC_OK;
	if (setup_fits(k, fp.setup))
		k->theirs = fp;
	else if (must || fp.setup == DTLS_HOLDCONN)
		return JC_SECURITY;
	else				/* early (rule R15) and without a role: the accept has to name one */
		keep_undecided(k, &fp);
	return JC_OK;
}

static gboolean is_in(const struct elem *description, const struct elem *transport)
{
	return elem_child(transport, "fingerprint", NS_DTLS) || elem_child(transport, "fingerprint", NS_OMEMO_DTLS);
}

gboolean dtls_fp_remote(const struct dtls_fp *k, struct dtls_fingerprint *out)
{
	if (!settled(k))
		return FALSE;
	*out = k->theirs;
	return TRUE;
}

gboolean dtls_fp_we_are_client(const struct dtls_fp *k)
{
	return k->offered_by_us ? k->theirs.setup == DTLS_PASSIVE : k->ours.setup == DTLS_ACTIVE;
}

static const char *why(void *self)
{
	return ((struct dtls_fp *)self)->why;
}

const struct jingle_keying jingle_dtls_fp = {.name = "DTLS-SRTP", .in = is_in, .write = write_fp, .read = read_fp, .why = why};
