/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "proto/smb.h"

/* Command names are Suricata's, so that rules and records written for it mean the same here. */
static const char *const smb2_commands[] = {
    "NEGOTIATE_PROTOCOL",
    "SESSION_SETUP",
    "SESSION_LOGOFF",
    "TREE_CONNECT",
    "TREE_DISCONNECT",
    "CREATE",
    "CLOSE",
    "FLUSH",
    "READ",
    "WRITE",
    "LOCK",
    "IOCTL",
    "CANCEL",
    "KEEPALIVE",
    "FIND",
    "CHANGE_NOTIFY",
    "GET_INFO",
    "SET_INFO",
    "OPLOCK_BREAK",
};

struct status_name {
	uint32_t status;
	bool refusal; /* of a logon */
	const char *name;
};

/* MS-ERREF 2.3.1; sorted by number. */
static const struct status_name statuses[] = {
    {0x00000000, false, "STATUS_SUCCESS"},
    {0x00000103, false, "STATUS_PENDING"},
    {0x0000010b, false, "STATUS_NOTIFY_CLEANUP"},
    {0x0000010c, false, "STATUS_NOTIFY_ENUM_DIR"},
    {0x80000005, false, "STATUS_BUFFER_OVERFLOW"},
    {0x80000006, false, "STATUS_NO_MORE_FILES"},
    {0x8000002d, false, "STATUS_STOPPED_ON_SYMLINK"},
    {0xc0000001, false, "STATUS_UNSUCCESSFUL"},
    {0xc0000002, false, "STATUS_NOT_IMPLEMENTED"},
    {0xc0000003, false, "STATUS_INVALID_INFO_CLASS"},
    {0xc0000004, false, "STATUS_INFO_LENGTH_MISMATCH"},
    {0xc0000008, false, "STATUS_INVALID_HANDLE"},
    {0xc000000d, false, "STATUS_INVALID_PARAMETER"},
    {0xc000000e, false, "STATUS_NO_SUCH_DEVICE"},
    {0xc000000f, false, "STATUS_NO_SUCH_FILE"},
    {0xc0000010, false, "STATUS_INVALID_DEVICE_REQUEST"},
    {0xc0000011, false, "STATUS_END_OF_FILE"},
    {0xc0000016, false, "STATUS_MORE_PROCESSING_REQUIRED"},
    {0xc0000022, true, "STATUS_ACCESS_DENIED"},
    {0xc0000023, false, "STATUS_BUFFER_TOO_SMALL"},
    {0xc0000033, false, "STATUS_OBJECT_NAME_INVALID"},
    {0xc0000034, false, "STATUS_OBJECT_NAME_NOT_FOUND"},
    {0xc0000035, false, "STATUS_OBJECT_NAME_COLLISION"},
    {0xc000003a, false, "STATUS_OBJECT_PATH_NOT_FOUND"},
    {0xc0000043, false, "STATUS_SHARING_VIOLATION"},
    {0xc0000054, false, "STATUS_FILE_LOCK_CONFLICT"},
    {0xc0000055, false, "STATUS_LOCK_NOT_GRANTED"},
    {0xc0000056, false, "STATUS_DELETE_PENDING"},
    {0xc000005e, false, "STATUS_NO_LOGON_SERVERS"},
    {0xc0000061, false, "STATUS_PRIVILEGE_NOT_HELD"},
    {0xc0000064, true, "STATUS_NO_SUCH_USER"},
    {0xc000006a, true, "STATUS_WRONG_PASSWORD"},
    {0xc000006d, true, "STATUS_LOGON_FAILURE"},
    {0xc000006e, true, "STATUS_ACCOUNT_RESTRICTION"},
    {0xc000006f, true, "STATUS_INVALID_LOGON_HOURS"},
    {0xc0000070, true, "STATUS_INVALID_WORKSTATION"},
    {0xc0000071, true, "STATUS_PASSWORD_EXPIRED"},
    {0xc0000072, true, "STATUS_ACCOUNT_DISABLED"},
    {0xc000007f, false, "STATUS_DISK_FULL"},
    {0xc000009a, false, "STATUS_INSUFFICIENT_RESOURCES"},
    {0xc00000ac, false, "STATUS_PIPE_NOT_AVAILABLE"},
    {0xc00000ad, false, "STATUS_INVALID_PIPE_STATE"},
    {0xc00000ae, false, "STATUS_PIPE_BUSY"},
    {0xc00000b0, false, "STATUS_PIPE_DISCONNECTED"},
    {0xc00000b1, false, "STATUS_PIPE_CLOSING"},
    {0xc00000b5, false, "STATUS_IO_TIMEOUT"},
    {0xc00000ba, false, "STATUS_FILE_IS_A_DIRECTORY"},
    {0xc00000bb, false, "STATUS_NOT_SUPPORTED"},
    {0xc00000c9, false, "STATUS_NETWORK_NAME_DELETED"},
    {0xc00000ca, false, "STATUS_NETWORK_ACCESS_DENIED"},
    {0xc00000cc, false, "STATUS_BAD_NETWORK_NAME"},
    {0xc00000d0, false, "STATUS_REQUEST_NOT_ACCEPTED"},
    {0xc0000101, false, "STATUS_DIRECTORY_NOT_EMPTY"},
    {0xc0000103, false, "STATUS_NOT_A_DIRECTORY"},
    {0xc0000120, false, "STATUS_CANCELLED"},
    {0xc0000121, false, "STATUS_CANNOT_DELETE"},
    {0xc0000128, false, "STATUS_FILE_CLOSED"},
    {0xc000014b, false, "STATUS_PIPE_BROKEN"},
    {0xc000015b, true, "STATUS_LOGON_TYPE_NOT_GRANTED"},
    {0xc000018c, true, "STATUS_TRUSTED_DOMAIN_FAILURE"},
    {0xc000018d, true, "STATUS_TRUSTED_RELATIONSHIP_FAILURE"},
    {0xc0000192, false, "STATUS_NETLOGON_NOT_STARTED"},
    {0xc0000193, true, "STATUS_ACCOUNT_EXPIRED"},
    {0xc0000199, true, "STATUS_NOLOGON_WORKSTATION_TRUST_ACCOUNT"},
    {0xc0000203, false, "STATUS_USER_SESSION_DELETED"},
    {0xc0000205, false, "STATUS_INSUFF_SERVER_RESOURCES"},
    {0xc0000224, true, "STATUS_PASSWORD_MUST_CHANGE"},
    {0xc0000225, false, "STATUS_NOT_FOUND"},
    {0xc0000234, true, "STATUS_ACCOUNT_LOCKED_OUT"},
    {0xc0000257, false, "STATUS_PATH_NOT_COVERED"},
    {0xc000035c, false, "STATUS_NETWORK_SESSION_EXPIRED"},
    {0xc000040b, true, "STATUS_KDC_INVALID_REQUEST"},
    {0xc0000413, true, "STATUS_AUTHENTICATION_FIREWALL_FAILED"},
    {0xc0000418, true, "STATUS_NTLM_BLOCKED"},
};

static int status_compare(const void *key, const void *element)
{
	uint32_t a = *(const uint32_t *)key, b = ((const struct status_name *)element)->status;
	return (a > b) - (a < b);
}

static const struct status_name *status_find(uint32_t status)
{
	return bsearch(
	    &status, statuses, sizeof(statuses) / sizeof(statuses[0]), sizeof(statuses[0]), status_compare);
}

const char *smb_status_name(uint32_t status, char *buf)
{
	const struct status_name *s = status_find(status);
	if (s)
		return s->name;
	snprintf(buf, SMB_NAME_BUF, "0x%08x", status);
	return buf;
}

bool smb_status_is_refusal(uint32_t status)
{
	const struct status_name *s = status_find(status);
	return s && s->refusal;
}

const char *smb2_command_name(uint16_t command, char *buf)
{
	if (command < sizeof(smb2_commands) / sizeof(smb2_commands[0]))
		snprintf(buf, SMB_NAME_BUF, "SMB2_COMMAND_%s", smb2_commands[command]);
	else
		snprintf(buf, SMB_NAME_BUF, "SMB2_COMMAND_%u", command);
	return buf;
}

const char *smb1_command_name(uint8_t command, char *buf)
{
	static const struct {
		uint8_t command;
		const char *name;
	} names[] = {
	    {0x00, "CREATE_DIRECTORY"},
	    {0x01, "DELETE_DIRECTORY"},
	    {0x02, "OPEN"},
	    {0x04, "CLOSE"},
	    {0x06, "DELETE"},
	    {0x07, "RENAME"},
	    {0x0a, "READ"},
	    {0x0b, "WRITE"},
	    {0x25, "TRANS"},
	    {0x26, "TRANS_SECONDARY"},
	    {0x2b, "ECHO"},
	    {0x2d, "OPEN_ANDX"},
	    {0x2e, "READ_ANDX"},
	    {0x2f, "WRITE_ANDX"},
	    {0x32, "TRANS2"},
	    {0x33, "TRANS2_SECONDARY"},
	    {0x71, "TREE_DISCONNECT"},
	    {0x72, "NEGOTIATE_PROTOCOL"},
	    {0x73, "SESSION_SETUP_ANDX"},
	    {0x74, "LOGOFF_ANDX"},
	    {0x75, "TREE_CONNECT_ANDX"},
	    {0xa0, "NT_TRANS"},
	    {0xa1, "NT_TRANS_SECONDARY"},
	    {0xa2, "NT_CREATE_ANDX"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].command == command) {
			snprintf(buf, SMB_NAME_BUF, "SMB1_COMMAND_%s", names[i].name);
			return buf;
		}
	}
	snprintf(buf, SMB_NAME_BUF, "SMB1_COMMAND_0x%02x", command);
	return buf;
}
