-- Writes every stanza that a client of this server sends into the file record_sent_file, one line each: the sender's JID,
-- a tab, the stanza. For tests that judge what was sent (tests/conformance/validate).
local path = module:get_option_string("record_sent_file");

local function record(event)
	local file = path and io.open(path, "a");
	if file and event.origin.full_jid then
		file:write(event.origin.full_jid, "\t", (tostring(event.stanza):gsub("[\r\n]", " ")), "\n");
	end
	if file then
		file:close();
	end
end

for _, kind in ipairs({ "iq", "message", "presence" }) do
	for _, to in ipairs({ "bare", "full", "host" }) do
		module:hook("pre-" .. kind .. "/" .. to, record, 1000000);
	end
end
