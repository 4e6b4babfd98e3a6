#include "terms.h"

#include "xmpp/disco.h"

static const unsigned can_way[] = {[TRANSPORT_ICE_UDP] = CAN_ICE_UDP, [TRANSPORT_RAW_UDP] = CAN_RAW_UDP};

unsigned terms_transports(const struct transport_list *list)
{
	unsigned flags = 0;

	for (size_t i = 0; i < list->count; i++)
		flags |= can_way[list->kind[i]];
	return flags;
}

/* Ours, without those which he is known to lack. */
static void choose_transports(struct transport_list *out, const struct transport_list *ours, unsigned can)
{
	if (!(can & terms_transports(ours)))		/* unknown, or hopeless: let it answer itself */
		can = terms_transports(ours);
	out->count = 0;
	for (size_t i = 0; i < ours->count; i++)
		if (can & can_way[ours->kind[i]])
			out->kind[out->count++] = ours->kind[i];
}

/* A caller who is no contact need not learn where we are. */
static enum call_relay choose_relay(const struct terms_of *of)
{
	const struct contact *contact = config_contact(of->config, of->peer);

	if (of->relay_only || of->config->relay_only || (contact && contact->relay_only))
		return RELAY_ONLY;
	return of->we_call || contact || of->is_friend ? RELAY_FREE : RELAY_IF_THERE;
}

static const struct keying_list *keyings_of(const struct config *config, const char *peer)
{
	const struct contact *contact = config_contact(config, peer);

	return contact && contact->keyings.count ? &contact->keyings : &config->keyings;
}

void terms_make(struct call_terms *out, const struct terms_of *of)
{
	out->relay = choose_relay(of);
	out->keyings = *keyings_of(of->config, of->peer);
	/* Nothing is offered beside DTLS to who is known to have it: Dino, offered both, would encrypt twice (rule R14). */
	if (of->we_call && out->keyings.kind[0] == KEYING_DTLS && (of->can & CAN_DTLS))
		out->keyings.count = 1;
	if (out->relay == RELAY_ONLY)			/* Raw UDP has no relay */
		out->transports = (struct transport_list){.kind = {TRANSPORT_ICE_UDP}, .count = 1};
	else if (of->we_call)
		choose_transports(&out->transports, &of->config->transports, of->can);
	else
		out->transports = of->config->transports;
}

unsigned terms_need(const struct config *config, const char *peer)
{
	const struct keying_list *keyings = keyings_of(config, peer);

	return keyings->kind[keyings->count - 1] == KEYING_SDES ? CAN_CALL_SDES : CAN_CALL;
}

gboolean terms_are_open(const struct config *config, const char *peer)
{
	return keyings_of(config, peer)->count > 1;
}
