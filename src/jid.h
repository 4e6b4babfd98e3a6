/* jid.h - addresses in the one form in which they are compared, byte by byte: RFC 7622. Pure; any thread.
 *
 * Whatever brings an address in - the command line, the configuration, a file, each stanza - prepares it there, once:
 *   localpart     UsernameCaseMapped (RFC 8265 3.3): fullwidth characters as ordinary ones, small letters, composed (NFC)
 *   domainpart    IDNA2008, as Unicode (U-labels), without a final dot
 *   resourcepart  OpaqueString (RFC 8265 4.2): composed, every space an ordinary one; large letters stay what they are */
#ifndef JCALL_JID_H
#define JCALL_JID_H

/* JID prepared; caller frees. NULL: it is none, also by jid_valid (text.h). */
char *jid_prepare(const char *jid);
/* The same of what a person typed: 'ß' and the final 'ς' of the localpart become "ss" and 'σ', as the servers in use (RFC 3920,
 * Nodeprep) write those accounts. What comes from the network keeps them: on a server by RFC 7622 they are other people. */
char *jid_prepare_typed(const char *jid);
/* DOMAIN, prepared, as the DNS knows it (A-labels). Caller frees; what IDNA2008 does not allow comes back as it is. */
char *jid_domain_ascii(const char *domain);

#endif
