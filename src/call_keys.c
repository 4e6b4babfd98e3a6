/* Where the keys of a call come from: the conditions that may be used, and what the two sides agreed upon for the path. */
#include "call_priv.h"

#include <string.h>

#include "random.h"

void call_keys_init(struct call *c, const struct keying_list *keyings, struct jingle_plugs *plugs)
{
	struct dtls_fingerprint ours;

	dtls_cert_fingerprint(c->env->cert, &ours);
	c->fingerprint = dtls_fp_new(&ours);
	c->sdes = sdes_new(random_fill);
	for (size_t i = 0; i < keyings->count; i++)
		plugs->keyings[plugs->nkeyings++] = keyings->kind[i] == KEYING_SDES ?
			(struct jingle_condition){&jingle_sdes, c->sdes} :
			(struct jingle_condition){&jingle_dtls_fp, c->fingerprint};
}

void call_keys_free(struct call *c)
{
	dtls_fp_free(c->fingerprint);
	sdes_free(c->sdes);
}

enum keying_kind call_keying(const struct call *c)
{
	return jingle_current_keying(c->session) == &jingle_sdes ? KEYING_SDES : KEYING_DTLS;
}

void call_keys_pass(struct call *c)
{
	struct dtls_fingerprint peer;
	struct srtp_keys tx, rx;

	if (c->keyed || !jingle_current_keying(c->session))
		return;
	if (call_keying(c) == KEYING_DTLS && dtls_fp_remote(c->fingerprint, &peer)) {
		c->keyed = TRUE;
		path_secure(c->path, dtls_fp_we_are_client(c->fingerprint), &peer);
	} else if (call_keying(c) == KEYING_SDES && sdes_keys(c->sdes, &tx, &rx)) {
		c->keyed = TRUE;
		path_keys(c->path, &tx, &rx);
		explicit_bzero(&tx, sizeof(tx));
		explicit_bzero(&rx, sizeof(rx));
	}
}
