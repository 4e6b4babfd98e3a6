// page.js - the page that calls: Jingle by the library stanza, media by the browser, and the messages of XEP-0353, which
// stanza does not know, as Conversations sends and takes them. client_browser.py bundles it, puts it into a page and calls
// what stands in `globalThis.phone`.
import { createClient, JXT, JID, Namespaces, Utils } from "stanza";

const JMI = "urn:xmpp:jingle-message:0";
const LOUD = 500 / 32768;

let client, microphone, announces, call = null;	// announces: calls are announced by XEP-0353
const said = [];		// the latest stanzas, for the report of a failure

const kinds = ["propose", "ringing", "proceed", "accept", "reject", "retract", "finish"];
const messages = kinds.map((kind) => ({
	element: kind,
	namespace: JMI,
	path: "message.jmi",
	type: kind,
	typeField: "kind",
	fields: {
		id: JXT.attribute("id"),
		media: JXT.childAttribute(Namespaces.NS_JINGLE_RTP_1, "description", "media"),
	},
}));

messages.push({ element: "reason", namespace: Namespaces.NS_JINGLE_1, aliases: ["message.jmi.reason"], fields: {} });

function tell(to, kind, more = {}) {
	if (announces)
		client.sendMessage({
			to, type: "chat", id: `jm-${kind}-${call.sid}`, jmi: { kind, id: call.sid, ...more },
			processingHints: { store: true },
		});
}

// state: calling, ringing (here), answering, connected, ended. peer: bare until a full JID has answered.
function begin(caller, sid, peer) {
	call = { caller, sid, peer, state: caller ? "calling" : "ringing", session: null, first: 0, pcm: [], why: "" };
}

function end(why) {
	if (call && call.state !== "ended") {
		call.state = "ended";
		call.why = why;
	}
}

// What we hear, as the track delivers it: no sound device is between.
async function listen(mine, track) {
	const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();

	for (;;) {
		const { done, value } = await reader.read();

		if (done)
			return;
		const x = new Float32Array(value.numberOfFrames);

		value.copyTo(x, { planeIndex: 0, format: "f32-planar" });
		if (value.sampleRate !== 48000)
			throw new Error(`the track has ${value.sampleRate} Hz`);
		value.close();
		if (!mine.first && x.some((v) => Math.abs(v) > LOUD))
			mine.first = Date.now() / 1000;
		mine.pcm.push(Int16Array.from(x, (v) => Math.max(-32768, Math.min(32767, v * 32768))));
	}
}

function heard(mine, track, stream) {
	const player = new Audio();	// without one the browser does not pull the track's sound

	player.srcObject = stream || new MediaStream([track]);
	player.play();
	listen(mine, track).catch((e) => console.error("hearing:", e));
}

function take(session) {
	session.addTrack(microphone.getAudioTracks()[0], microphone);
	session.accept();
	call.state = "connected";
}

function incoming(session) {
	if (call && call.state === "answering" && call.sid === session.sid && call.peer === session.peerID) {
		call.session = session;
		take(session);
	} else if (!call || call.state === "ended") {	// without a message before: XEP-0166 alone
		begin(false, session.sid, session.peerID);
		call.session = session;
		heard(call, session.pc.getReceivers()[0].track);	// was added before there was a call
		session.ring();
	} else {
		session.end("busy");
	}
}

function offer(peer) {
	call.peer = peer;
	call.session = client.jingle.createMediaSession(peer, call.sid, microphone);
	call.session.start();
}

// Like Conversations, deaf for what another of our devices is told.
function outgoing(m) {
	if (m.to !== client.jid)
		return;
	if (m.jmi.kind === "proceed" && call.state === "calling" && !call.session) {
		offer(m.from);
	} else if (m.jmi.kind === "reject" && call.state === "calling") {
		end("declined");
	}
}

function message(m) {
	if (!m.jmi || !announces || JID.equalBare(m.from, client.jid))
		return;
	if (m.jmi.kind === "propose") {
		if (call && call.state !== "ended")
			return;
		begin(false, m.jmi.id, m.from);
		tell(m.from, "ringing");
	} else if (call && m.jmi.id === call.sid && JID.equalBare(m.from, call.peer)) {
		if (m.jmi.kind === "retract" && call.state !== "connected")
			end("cancelled");
		else if (m.jmi.kind === "finish" && call.session && call.state !== "ended")
			call.session.end("success", true);
		else if (call.caller)
			outgoing(m);
	}
}

function watch() {
	client.on("raw:*", (direction, text) => {
		said.push(`${Date.now()} ${direction.slice(4)} ${text}`);
		said.splice(0, said.length - 60);
	});
	client.on("message", message);
	client.on("jingle:incoming", incoming);
	client.on("jingle:accepted", (session) => {
		if (call && call.session === session)
			call.state = "connected";
	});
	client.on("jingle:terminated", (session, reason) => {
		if (call && call.session === session)
			end((reason && reason.condition) || "terminated");
	});
	client.jingle.on("peerTrackAdded", (session, track, stream) => {
		if (call && call.sid === session.sid)
			heard(call, track, stream);
	});
	client.jingle.on("log:error", (...words) => console.error(...words));
}

// A microphone that the page was allowed to use shows it the addresses of this machine; a stream of its own making does
// not, and its host candidates have names (.local).
async function make(wav) {
	const context = new AudioContext({ sampleRate: 48000 });
	const source = context.createBufferSource();
	const stream = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });

	source.buffer = await context.decodeAudioData(Uint8Array.from(atob(wav), (c) => c.charCodeAt(0)).buffer);
	source.loop = true;
	source.connect(stream);
	source.start();
	return stream.stream;
}

globalThis.phone = {
	// wav: a file, in base64, that is said in place of the microphone
	async login(jid, password, url, { jmi = true, wav = null } = {}) {
		announces = jmi;
		microphone = wav ? await make(wav) : await navigator.mediaDevices.getUserMedia({
			audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
		});
		client = createClient({
			jid, password, transports: { websocket: url, bosh: false }, resource: "browser", autoReconnect: false,
			jingle: { iceServers: [], advertiseVideo: false, advertiseFileTransfer: false },
		});
		client.stanzas.define(messages);
		if (jmi)
			client.disco.addFeature(JMI);
		watch();
		const started = new Promise((done, failed) => {
			client.on("session:started", done);
			client.on("auth:failed", () => failed(new Error("the server does not take the password")));
			client.on("disconnected", () => failed(new Error("the stream was lost")));
		});

		client.connect();
		await started;
		await client.enableCarbons();
		client.updateCaps();
		client.sendPresence({ legacyCapabilities: client.disco.getCaps() });
		await client.ping(JID.getDomain(jid)).catch(() => {});	// the presence is through
		return client.jid;
	},

	dial(jid) {
		begin(true, Utils.uuid(), jid);
		if (!announces)
			return offer(jid);
		tell(JID.toBare(jid), "propose", { media: "audio" });
	},

	accept() {
		if (call.session)
			return take(call.session);
		call.state = "answering";
		tell(JID.toBare(client.jid), "accept");
		tell(call.peer, "proceed");
	},

	decline() {
		if (call.session) {
			call.session.decline();
		} else {
			tell(call.peer, "reject");
			tell(JID.toBare(client.jid), "reject");
			end("decline");
		}
	},

	hangup() {
		if (call.state === "ended")
			return;
		if (call.session) {
			call.session.end(call.state === "connected" ? "success" : "cancel");
			tell(call.peer, "finish", { reason: { condition: "success" } });
		} else if (call.caller) {
			tell(JID.toBare(call.peer), "retract");
			end("cancel");
		} else {
			globalThis.phone.decline();
		}
	},

	state: () => (call ? { state: call.state, first: call.first, why: call.why, caller: call.caller } : { state: "none", first: 0 }),

	// What was heard: 16 bits, 48 kHz, mono, in base64.
	sound() {
		const bytes = new Uint8Array(call.pcm.reduce((n, x) => n + x.byteLength, 0));
		let at = 0, text = "";

		for (const x of call.pcm) {
			bytes.set(new Uint8Array(x.buffer), at);
			at += x.byteLength;
		}
		for (let i = 0; i < bytes.length; i += 32768)
			text += String.fromCharCode(...bytes.subarray(i, i + 32768));
		return btoa(text);
	},

	said: () => said.join("\n"),
};
