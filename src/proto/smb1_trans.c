/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Transactions of SMB 1 (MS-CIFS 2.2.4.33, .46, .62). TRANSACTION carries DCE/RPC on pipes. The rest is
 * watched for what the published detections of the MS17-010 exploits and of DoublePulsar rest on:
 * - an NT_TRANSACT whose rest comes in TRANSACTION2_SECONDARY (EternalBlue: the server takes the 32-bit size
 * of the one for the 16-bit size of the other, CVE-2017-0144);
 * - TRANS2_SESSION_SETUP (0x000e), reserved and never implemented: DoublePulsar's channel, which answers with
 * the multiplex id raised by 0x10 (65 to 81) and STATUS_NOT_IMPLEMENTED;
 * - PeekNamedPipe on FID 0, answered with STATUS_INSUFF_SERVER_RESOURCES by servers without the patch.
 */

#include "proto/smb.h"

enum {
	TRANSACTION = 0x25,
	TRANSACTION2 = 0x32,
	TRANSACTION2_SECONDARY = 0x33,
	NT_TRANSACT = 0xa0,
	NT_TRANSACT_SECONDARY = 0xa1,
	TRANS_PEEK_NMPIPE = 0x23,
	TRANS_TRANSACT_NMPIPE = 0x26,
	TRANS2_SESSION_SETUP = 0x0e,
	DOUBLEPULSAR_STEP = 0x10,
};

/* MS-CIFS 2.2.4.33.1: data and the two setup words that pipes use. */
static void transaction_request(struct smb_call *call, const struct smb1_header *h, struct cursor words)
{
	cursor_skip(&words, 22);
	size_t length = cursor_le16(&words), at = cursor_le16(&words);
	uint8_t setup = cursor_u8(&words);
	cursor_skip(&words, 1);
	uint16_t function = cursor_le16(&words), file = cursor_le16(&words);
	if (!cursor_ok(&words) || setup < 2)
		return;
	struct smb_pending *p = smb_pending_put(call->c, call->s, h->key, h->command);
	p->sub = function;
	p->tree = h->tree;
	p->file[0] = file;
	if (function == TRANS_TRANSACT_NMPIPE) {
		struct smb_file *f = smb_file_find(call->s, p->file);
		if (f)
			f->pipe = true;
		smb_inner(call, p->file, at, length);
	}
}

static void transaction_response(struct smb_call *call, const struct smb1_header *h, struct cursor words)
{
	struct smb_pending *p = smb_pending_find(call->s, h->key, h->command);
	if (!p)
		return;
	cursor_skip(&words, 12);
	size_t length = cursor_le16(&words), at = cursor_le16(&words);
	bool partial = h->status == SMB_STATUS_BUFFER_OVERFLOW;
	if (p->sub == TRANS_PEEK_NMPIPE && p->file[0] == 0 && h->status == SMB_STATUS_INSUFF_SERVER_RESOURCES)
		smb_anomaly(call, SMB_ANOMALY_PEEK_UNPATCHED, "SMB1_COMMAND_TRANS");
	if (p->sub == TRANS_TRANSACT_NMPIPE && cursor_ok(&words) &&
	    (h->status == SMB_STATUS_SUCCESS || partial))
		smb_inner(call, p->file, at, length);
	smb_pending_drop(call->s, p);
}

static void transaction2_request(struct smb_call *call, const struct smb1_header *h, struct cursor words)
{
	cursor_skip(&words, 26);
	uint8_t setup = cursor_u8(&words);
	cursor_skip(&words, 1);
	uint16_t function = cursor_le16(&words);
	if (!cursor_ok(&words) || setup < 1 || function != TRANS2_SESSION_SETUP)
		return;
	smb_anomaly(call, SMB_ANOMALY_TRANS2_SESSION_SETUP, "SMB1_COMMAND_TRANS2");
	struct smb_pending *p = smb_pending_put(call->c, call->s, h->key, h->command);
	p->sub = function;
}

static void transaction2_response(struct smb_call *call, const struct smb1_header *h)
{
	/* The implant's answer is found under the multiplex id that the question had. */
	uint16_t asked = (uint16_t)(h->multiplex - DOUBLEPULSAR_STEP);
	uint64_t key = (h->key & ~UINT64_C(0xffff)) | asked;
	struct smb_pending *p = smb_pending_find(call->s, h->key, h->command);
	if (p) {
		smb_pending_drop(call->s, p);
		return;
	}
	p = smb_pending_find(call->s, key, h->command);
	if (p && p->sub == TRANS2_SESSION_SETUP) {
		smb_anomaly(call, SMB_ANOMALY_DOUBLEPULSAR, "SMB1_COMMAND_TRANS2");
		smb_pending_drop(call->s, p);
	}
}

/* MS-CIFS 2.2.4.62.1: sizes have 32 bits here. */
static void nt_transact_request(struct smb_call *call, const struct smb1_header *h, struct cursor words)
{
	cursor_skip(&words, 7);
	uint32_t announced = cursor_le32(&words);
	cursor_skip(&words, 16);
	uint32_t here = cursor_le32(&words);
	if (!cursor_ok(&words))
		return;
	call->s->nt_trans.active = here < announced;
	call->s->nt_trans.key = h->key;
	if (here < announced && announced > UINT16_MAX)
		smb_anomaly(call, SMB_ANOMALY_NT_TRANS_LARGE, "SMB1_COMMAND_NT_TRANS");
}

void smb1_transaction(struct smb_call *call, const struct smb1_header *h, struct cursor words)
{
	switch (h->command) {
	case TRANSACTION: transaction_request(call, h, words); break;
	case TRANSACTION2: transaction2_request(call, h, words); break;
	case TRANSACTION2_SECONDARY:
		if (call->s->nt_trans.active && call->s->nt_trans.key == h->key)
			smb_anomaly(call, SMB_ANOMALY_NT_TRANS_MISMATCH, "SMB1_COMMAND_TRANS2_SECONDARY");
		break;
	case NT_TRANSACT: nt_transact_request(call, h, words); break;
	case NT_TRANSACT_SECONDARY:
		if (call->s->nt_trans.key == h->key)
			call->s->nt_trans.active = false;
		break;
	default: break;
	}
}

void smb1_transaction_response(struct smb_call *call, const struct smb1_header *h, struct cursor words)
{
	if (h->command == TRANSACTION)
		transaction_response(call, h, words);
	else
		transaction2_response(call, h);
}
