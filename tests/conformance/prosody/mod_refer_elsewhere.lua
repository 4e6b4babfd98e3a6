-- Answers the first session-initiate as a client would that wants its caller to call refer_to (default: the same device once
-- more): XEP-0166 "Errors".
local to = module:get_option_string("refer_to");
local done = false;

module:hook("pre-iq/full", function (event)
	local stanza = event.stanza;
	local jingle = stanza:get_child("jingle", "urn:xmpp:jingle:1");

	if done or not jingle or jingle.attr.action ~= "session-initiate" then
		return;
	end
	done = true;
	local reply = require "util.stanza".reply(stanza); reply.attr.type = "error"; reply:tag("error", { type = "modify" })
		:tag("redirect", { xmlns = "urn:ietf:params:xml:ns:xmpp-stanzas" }):text(to or "xmpp:" .. stanza.attr.to);
	event.origin.send(reply);
	return true;
end, 10);
