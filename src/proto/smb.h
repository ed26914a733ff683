/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PROTO_SMB_H
#define PROTO_SMB_H

/*
 * What the SMB files share. smb.c frames (NetBIOS session service, RFC 1002 4.3) and passes over bulk; smb2.c
 * and smb2_file.c read SMB 2 and 3 (MS-SMB2), smb1.c and smb1_trans.c SMB 1 (MS-CIFS); smb_store.c keeps what
 * a flow has open; smb_names.c has the names.
 *
 * Bounds a flow: SMB_PENDING_MAX requests that await their answer (a newer one takes the slot), SMB_TREES_MAX
 * shares (the oldest goes), SMB_FILES_MAX open files (the one longest unused is reported and goes), names of
 * SMB_NAME_MAX bytes. Nothing is kept of a file's content. Strings are owned by the state and told to
 * proto_account.
 */

#include "base/cursor.h"
#include "proto/gss.h"
#include "proto/proto.h"

enum {
	SMB_PENDING_MAX = 64,
	SMB_TREES_MAX = 16,
	SMB_FILES_MAX = 64,
	SMB_NAME_MAX = 1024,
	SMB_NAME_BUF = 64,          /* for names by number */
	SMB_MESSAGE_MAX = 66 << 10, /* of what is read whole: a security buffer is at most 64 KiB */
};

struct smb_string {
	char *p;
	uint16_t n;
};

/* A request that awaits its answer. */
struct smb_pending {
	bool used;
	bool related;     /* of a compound: the file is the one that the answer before names */
	bool opens, smb1; /* it asks for a file by name; SMB1's command */
	uint16_t command; /* SMB2's, or SMB1's */
	uint16_t sub;     /* SMB1: the transaction's subcommand; SMB2: enum smb_set_info */
	uint32_t tree;
	uint32_t bytes;
	uint64_t session;
	uint64_t key;
	uint64_t file[2];
	struct smb_string name;
};

struct smb_tree {
	bool used, pipe;
	uint32_t id;
	uint64_t session;
	struct smb_string name;
};

struct smb_file {
	bool used, pipe, smb1;
	uint32_t tree;
	uint32_t turn; /* of the last use */
	uint64_t session;
	uint64_t id[2];
	uint64_t bytes[2]; /* read, written */
	struct smb_string name;
};

/* Where a direction stands. */
struct smb_side {
	uint32_t pdu_left;   /* of the NetBIOS message, beyond what is counted below */
	uint32_t inner_left; /* bytes for proto_inner */
	uint32_t after_left; /* then bytes to pass over */
	uint64_t inner_key;
	bool resync;        /* look for the next message */
	bool compound_file; /* `file` is set by an earlier part of this compound */
	uint64_t file[2];
};

struct smb_state {
	struct smb_side side[2];
	struct smb_pending pending[SMB_PENDING_MAX];
	struct smb_tree trees[SMB_TREES_MAX];
	struct smb_file files[SMB_FILES_MAX];
	uint32_t turn, next_tree;
	size_t owned; /* bytes of strings */
	bool encrypted_told, compressed_told;
	uint32_t anomalies_told; /* bit of enum smb_anomaly */
	struct gss_auth auth;
	struct {
		bool active; /* an NT_TRANSACT was begun */
		uint64_t key;
	} nt_trans;
};

/* A message being read. Offsets inside SMB messages count from `p`. */
struct smb_call {
	struct proto_context *c;
	struct smb_state *s;
	struct smb_side *side;
	bool to_responder;
	const uint8_t *p;
	size_t n;    /* bytes at hand, which may be fewer than `size` */
	size_t size; /* of the message */
	/* Set by handlers: the part that goes to the DCE/RPC parser. */
	size_t inner_at, inner_n;
	uint64_t inner_key;
};

/* smb2.c: how many bytes of a message that begins at p (of n >= 64) are wanted, and reading it. */
size_t smb2_want(const uint8_t *p, size_t size);
void smb2_message(struct smb_call *call);
/* The length of the message that begins at p: a compound's part, or `left`. */
size_t smb2_size(const uint8_t *p, size_t left);
/* smb1.c; n >= 33 */
size_t smb1_want(const uint8_t *p, size_t size);
void smb1_message(struct smb_call *call);

/* A header of MS-SMB2 2.2.1. */
struct smb2_header {
	uint16_t command;
	uint32_t status, flags, tree;
	uint64_t message, session;
	bool response;
};
enum { SMB2_HEADER = 64, SMB2_FLAG_RESPONSE = 1, SMB2_FLAG_ASYNC = 2, SMB2_FLAG_RELATED = 4 };
enum smb_set_info { SMB_SET_INFO_OTHER, SMB_SET_INFO_RENAME, SMB_SET_INFO_DELETE };
enum smb2_command {
	SMB2_NEGOTIATE,
	SMB2_SESSION_SETUP,
	SMB2_LOGOFF,
	SMB2_TREE_CONNECT,
	SMB2_TREE_DISCONNECT,
	SMB2_CREATE,
	SMB2_CLOSE,
	SMB2_FLUSH,
	SMB2_READ,
	SMB2_WRITE,
	SMB2_LOCK,
	SMB2_IOCTL,
	SMB2_CANCEL,
	SMB2_ECHO,
	SMB2_QUERY_DIRECTORY,
	SMB2_CHANGE_NOTIFY,
	SMB2_QUERY_INFO,
	SMB2_SET_INFO,
	SMB2_OPLOCK_BREAK,
	SMB2_COMMANDS
};
typedef void (*smb2_handler)(struct smb_call *call, const struct smb2_header *h);

/* smb2_file.c: requests and answers about open files. */
void smb2_create_request(struct smb_call *call, const struct smb2_header *h);
void smb2_create_response(struct smb_call *call, const struct smb2_header *h);
void smb2_close_request(struct smb_call *call, const struct smb2_header *h);
void smb2_close_response(struct smb_call *call, const struct smb2_header *h);
void smb2_read_request(struct smb_call *call, const struct smb2_header *h);
void smb2_read_response(struct smb_call *call, const struct smb2_header *h);
void smb2_write_request(struct smb_call *call, const struct smb2_header *h);
void smb2_write_response(struct smb_call *call, const struct smb2_header *h);
void smb2_ioctl(struct smb_call *call, const struct smb2_header *h);
void smb2_set_info_request(struct smb_call *call, const struct smb2_header *h);
void smb2_set_info_response(struct smb_call *call, const struct smb2_header *h);

/* smb1_trans.c: TRANSACTION, TRANSACTION2 and NT_TRANSACT, whole or in secondaries; c stands at the words. */
struct smb1_header {
	uint8_t command;
	bool response, unicode;
	uint16_t tree, user, multiplex;
	uint32_t status;
	uint64_t key; /* who asked: multiplex and process id */
};
enum { SMB1_HEADER = 32 };
void smb1_transaction(struct smb_call *call, const struct smb1_header *h, struct cursor words);
void smb1_transaction_response(struct smb_call *call, const struct smb1_header *h, struct cursor words);
/* A string of SMB 1 at offset `at` of the message: UTF-16 aligned to two, or OEM bytes; up to its NUL. */
struct text smb1_string(const struct smb_call *call, bool unicode, size_t at, char *buf, size_t size);

/* Oddities of SMB 1 that published detections of MS17-010 exploits and of DoublePulsar rest on. */
enum smb_anomaly {
	SMB_ANOMALY_NT_TRANS_MISMATCH,
	SMB_ANOMALY_NT_TRANS_LARGE,
	SMB_ANOMALY_TRANS2_SESSION_SETUP,
	SMB_ANOMALY_DOUBLEPULSAR,
	SMB_ANOMALY_PEEK_UNPATCHED,
	SMB_ANOMALY_COMPRESSION,
};
/* Sends the anomaly as a transaction of its own, once a flow. */
void smb_anomaly(struct smb_call *call, enum smb_anomaly anomaly, const char *command);

/* smb_store.c */

/* Replaces a string by a copy, cut at SMB_NAME_MAX; where memory ends it is empty. */
void smb_string_set(struct smb_state *s, struct smb_string *string, struct text value);
static inline struct text smb_string_text(const struct smb_string *s)
{
	return (struct text){.p = s->p, .n = s->n};
}
/* A zeroed slot for a request under this key. A file that was asked for in vain in that slot is told of. */
struct smb_pending *smb_pending_put(
    struct proto_context *c, struct smb_state *s, uint64_t key, uint16_t command);
/* The request that this answers, or NULL. Good until the next put; smb_pending_drop frees the slot. */
struct smb_pending *smb_pending_find(struct smb_state *s, uint64_t key, uint16_t command);
void smb_pending_drop(struct smb_state *s, struct smb_pending *p);
struct smb_tree *smb_tree_find(struct smb_state *s, uint64_t session, uint32_t id);
struct smb_tree *smb_tree_put(
    struct smb_state *s, uint64_t session, uint32_t id, struct text name, bool pipe);
struct smb_file *smb_file_find(struct smb_state *s, const uint64_t id[2]);
/* A slot for a file that was opened; whichever had it is reported. */
struct smb_file *smb_file_put(struct proto_context *c, struct smb_state *s, const uint64_t id[2]);
/* Reports what was read and written, and forgets the file. */
void smb_file_close(struct proto_context *c, struct smb_state *s, struct smb_file *f);
void smb_state_free(struct proto_context *c, struct smb_state *s);

/* smb_names.c; buf has SMB_NAME_BUF bytes. */
const char *smb_status_name(uint32_t status, char *buf);
/* Whether a status of a session setup means that the logon was turned down. */
bool smb_status_is_refusal(uint32_t status);
const char *smb2_command_name(uint16_t command, char *buf);
const char *smb1_command_name(uint8_t command, char *buf);

/* Fields that several handlers add. */
void smb_field_command2(struct proto_context *c, uint16_t command);
void smb_field_status(struct proto_context *c, uint32_t status);
/* RPC_PIPE: the name without the path in front, which SMB 1's clients write and SMB 2's don't. */
void smb_field_pipe(struct proto_context *c, struct text name);
void smb_field_tree(struct proto_context *c, struct smb_state *s, uint64_t session, uint32_t tree);
/* Sends the result of a session setup where `status` is one. */
void smb_auth_emit(struct smb_call *call, const char *command, uint32_t status, bool guest);
/* Hands the payload at `at` to the DCE/RPC parser of this pipe. */
void smb_inner(struct smb_call *call, const uint64_t file[2], size_t at, size_t n);

enum { SMB_STATUS_SUCCESS = 0, SMB_STATUS_PENDING = 0x103 };
#define SMB_STATUS_BUFFER_OVERFLOW         UINT32_C(0x80000005)
#define SMB_STATUS_NOT_IMPLEMENTED         UINT32_C(0xc0000002)
#define SMB_STATUS_MORE_PROCESSING         UINT32_C(0xc0000016)
#define SMB_STATUS_INSUFF_SERVER_RESOURCES UINT32_C(0xc0000205)

#endif
