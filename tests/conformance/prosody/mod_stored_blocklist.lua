-- A server that stores a block list (XEP-0191) and enforces nothing: the option blocked_people is what everybody has blocked.
local st = require "util.stanza";
local blocked = module:get_option_array("blocked_people", {});

module:hook("iq-get/self/urn:xmpp:blocking:blocklist", function (event)
	local reply = st.reply(event.stanza):tag("blocklist", { xmlns = "urn:xmpp:blocking" });

	for _, jid in ipairs(blocked) do
		reply:tag("item", { jid = jid }):up();
	end
	event.origin.send(reply);
	return true;
end);
