-- Lets the tests put words into the mouth of a client that is under test itself: what the user "puppet" sends with an
-- attribute speak-as goes on as if it were from there.
local function speak(event)
	local attr = event.stanza.attr;

	if event.origin.username == "puppet" and attr["speak-as"] then
		attr.from, attr["speak-as"] = attr["speak-as"], nil;
	end
end

for _, kind in ipairs({ "iq", "message", "presence" }) do
	for _, to in ipairs({ "bare", "full" }) do
		module:hook("pre-" .. kind .. "/" .. to, speak, 2000000);
	end
end
