#include "jfake.h"

#include <string.h>

static struct elem *describe(void)
{
	struct elem *d = elem_new("description", NS_RTP);

	elem_set(d, "media", "audio");
	return d;
}

static struct elem *offer(void *self)
{
	((struct jfake *)self)->offers++;
	return describe();
}

static struct elem *reply(void *self)
{
	((struct jfake *)self)->replies++;
	return describe();
}

static enum jc_err answer(void *self, const struct elem *theirs)
{
	struct jfake *f = self;

	f->answers++;
	if (f->only && g_strcmp0(elem_attr(theirs, "id"), f->only) != 0)
		return JC_NO_CODEC;
	return f->answer;
}

static enum jc_err agree(void *self, const struct elem *theirs)
{
	struct jfake *f = self;

	f->agrees++;
	return f->agree;
}

static enum iq_cond description_info(void *self, const struct elem *theirs)
{
	((struct jfake *)self)->description_infos++;
	return COND_OK;
}

static enum iq_cond session_info(void *self, const struct elem *payload)
{
	((struct jfake *)self)->session_infos++;
	return elem_is(payload, NULL, NS_RTP_INFO) ? COND_OK : COND_UNSUPPORTED_INFO;
}

static struct elem *transport_write(void *self, enum jingle_action action)
{
	struct jfake *f = self;

	if (action == JINGLE_TRANSPORT_INFO && f->news == 0)
		return NULL;
	if (action == JINGLE_TRANSPORT_INFO)
		f->news--;
	return elem_new("transport", NS_ICE_UDP);
}

static enum jc_err transport_read(void *self, enum jingle_action action, const struct elem *theirs)
{
	struct jfake *f = self;

	f->transport_reads[action]++;
	return f->transport_read;
}

static void keying_write(void *self, enum jingle_action action, struct elem *description, struct elem *transport)
{
	((struct jfake *)self)->keying_writes++;
	elem_add(transport, "fingerprint", NS_DTLS);
}

static enum jc_err keying_read(void *self, enum jingle_action action, const struct elem *description,
			       const struct elem *transport)
{
	struct jfake *f = self;

	f->keying_reads[action]++;
	return f->keying_read;
}

static gboolean match(const struct elem *description)
{
	const char *media = elem_attr(description, "media");

	return !media || strcmp(media, "audio") == 0;
}

static struct elem *raw_write(void *self, enum jingle_action action)
{
	return action == JINGLE_TRANSPORT_INFO ? NULL : elem_new("transport", NS_RAW_UDP);
}

static gboolean always(const struct elem *description, const struct elem *transport)
{
	return TRUE;
}

static gboolean first_in(const struct elem *description, const struct elem *transport)
{
	return elem_child(transport, "fingerprint", NS_DTLS) != NULL;
}

static gboolean second_in(const struct elem *description, const struct elem *transport)
{
	return elem_child(description, "encryption", NULL) != NULL;
}

static void second_write(void *self, enum jingle_action action, struct elem *description, struct elem *transport)
{
	if (description)
		elem_add(description, "encryption", NULL);
}

static const struct jingle_keying lone = {.name = "fake", .in = always, .write = keying_write, .read = keying_read};
const struct jingle_keying jfake_first = {.name = "first", .in = first_in, .write = keying_write, .read = keying_read};
const struct jingle_keying jfake_second = {.name = "second", .in = second_in, .write = second_write, .read = keying_read};

static gboolean transport_asks(void *self)
{
	return ((struct jfake *)self)->asks;
}

static gboolean transport_crosses(void *self, const struct elem *theirs)
{
	return ((struct jfake *)self)->crosses;
}

struct jingle_plugs jfake_plugs(struct jfake *f)
{
	static const struct jingle_app app = {.ns = NS_RTP, .name = "audio", .ringing_ns = NS_RTP_INFO, .match = match, .offer = offer, .answer = answer, .reply = reply, .agree = agree,
		.description_info = description_info, .session_info = session_info};
	static const struct jingle_transport transport = {.ns = NS_ICE_UDP, .write = transport_write,
		.read = transport_read, .asks = transport_asks, .crosses = transport_crosses};
	static const struct jingle_transport raw = {.ns = NS_RAW_UDP, .write = raw_write, .read = transport_read};

	return (struct jingle_plugs){.apps = {{&app, f}}, .napps = 1,
		.transports = {{&transport, f}, {&raw, f}}, .ntransports = 2,
		.keyings = {{f->picky ? &jfake_first : &lone, f}, {&jfake_second, f}}, .nkeyings = f->picky ? 2 : 1};
}
