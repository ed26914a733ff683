/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "needs.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <microhttpd.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "servers.h"

extern struct servers needs_servers;

static struct nlmsghdr *message(void *p, uint16_t type, uint16_t flags, uint8_t family, uint32_t number)
{
	struct nlmsghdr *m = mnl_nlmsg_put_header(p);
	struct nfgenmsg *g = mnl_nlmsg_put_extra_header(m, sizeof(*g));
	m->nlmsg_type = type;
	m->nlmsg_flags = NLM_F_REQUEST | flags;
	m->nlmsg_seq = number;
	g->nfgen_family = family;
	g->version = NFNETLINK_V0;
	return m;
}

/* Everything that comes in answer to one message; how many answers, or -1. */
static int answers(struct mnl_socket *s, uint32_t number)
{
	enum { IN_SIZE = 16384 }; /* MNL_SOCKET_BUFFER_SIZE isn't constant */
	char in[IN_SIZE];
	int n = 0, r = 1;
	while (r == 1) {
		ssize_t got = mnl_socket_recvfrom(s, in, sizeof(in));
		if (got < 0)
			return -1;
		r = mnl_cb_run(in, (size_t)got, number, 0, NULL, NULL);
		n++;
	}
	return r < 0 ? -1 : n;
}

static uint16_t of_tables(uint16_t type)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
}

/* One table made or taken away in a transaction. */
static bool change_table(struct mnl_socket *s, uint16_t type)
{
	char out[1024];
	struct nlmsghdr *m = message(out, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, 1);
	((struct nfgenmsg *)mnl_nlmsg_get_payload(m))->res_id = htons(NFNL_SUBSYS_NFTABLES);
	size_t n = m->nlmsg_len;
	m = message(out + n, of_tables(type), NLM_F_ACK | (type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0),
	    NFPROTO_INET, 2);
	mnl_attr_put_strz(m, NFTA_TABLE_NAME, "bulkhead-sandbox");
	n += m->nlmsg_len;
	m = message(out + n, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, 3);
	((struct nfgenmsg *)mnl_nlmsg_get_payload(m))->res_id = htons(NFNL_SUBSYS_NFTABLES);
	n += m->nlmsg_len;
	return mnl_socket_sendto(s, out, n) == (ssize_t)n && answers(s, 2) > 0;
}

static struct mnl_socket *open_netfilter(unsigned groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int yes = 1, size = 1 << 20;
	if (s && mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &yes, sizeof(yes)) == 0 &&
	    setsockopt(mnl_socket_get_fd(s), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) == 0)
		return s;
	if (s)
		mnl_socket_close(s);
	return NULL;
}

/* A table made in a transaction, read back, taken away, and somebody who listens told of it. */
int need_nftables(const struct world *w)
{
	char out[256], told[8192];
	int group = NFNLGRP_NFTABLES;
	struct mnl_socket *s = open_netfilter(0), *listens = open_netfilter(0);
	(void)w;
	if (!s || !listens ||
	    mnl_socket_setsockopt(listens, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0 ||
	    !change_table(s, NFT_MSG_NEWTABLE))
		return 1;
	struct nlmsghdr *m = message(out, of_tables(NFT_MSG_GETTABLE), NLM_F_DUMP, NFPROTO_INET, 4);
	bool done = mnl_socket_sendto(s, m, m->nlmsg_len) > 0 && answers(s, 4) > 0 &&
	            change_table(s, NFT_MSG_DELTABLE) && mnl_socket_recvfrom(listens, told, sizeof(told)) > 0;
	mnl_socket_close(s);
	mnl_socket_close(listens);
	return !done;
}

int need_conntrack(const struct world *w)
{
	char out[256];
	struct mnl_socket *s = open_netfilter(0);
	(void)w;
	if (!s)
		return 1;
	struct nlmsghdr *m = message(
	    out, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET), NLM_F_DUMP, AF_INET, 5);
	bool done = mnl_socket_sendto(s, m, m->nlmsg_len) > 0 && answers(s, 5) > 0;
	mnl_socket_close(s);
	return !done;
}

static enum MHD_Result give_metrics(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *data, size_t *data_size, void **own)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(7, "up 1.0\n", MHD_RESPMEM_PERSISTENT);
	bool *asked = context;
	(void)url;
	(void)method;
	(void)version;
	(void)data;
	(void)data_size;
	(void)own;
	enum MHD_Result queued = r ? MHD_queue_response(connection, MHD_HTTP_OK, r) : MHD_NO;
	*asked = true;
	if (r)
		MHD_destroy_response(r);
	return queued;
}

/* A listening socket that was passed, served from the caller's own loop. */
int need_metrics(const struct world *w)
{
	bool asked = false, left = false;
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, give_metrics, &asked,
	    MHD_OPTION_LISTEN_SOCKET, w->listening, MHD_OPTION_CONNECTION_LIMIT, 16U, MHD_OPTION_END);
	for (int i = 0; d && i < 200 && !left; i++) {
		const union MHD_DaemonInfo *info = MHD_get_daemon_info(
		    d, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
		left = MHD_run_wait(d, 50) != MHD_YES || !info || (asked && info->num_connections == 0);
	}
	if (d)
		MHD_quiesce_daemon(d);
	if (d)
		MHD_stop_daemon(d);
	return !d || !asked;
}

static size_t swallow(char *p, size_t size, size_t n, void *context)
{
	(void)p;
	(void)context;
	return size * n;
}

/* A name looked up, a certificate checked against a file, something sent. */
int need_webhook(const struct world *w)
{
	char url[64];
	long status = 0;
	CURL *c = curl_easy_init();
	if (!c)
		return 1;
	snprintf(
	    url, sizeof(url), "https://%s:%d/", w->root ? SERVER_NAME : "127.0.0.1", needs_servers.tls_port);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CAINFO, w->certificate);
	curl_easy_setopt(c, CURLOPT_POSTFIELDS, "{}");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, 10L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, swallow);
	CURLcode r = curl_easy_perform(c);
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(c);
	if (r != CURLE_OK)
		fprintf(stderr, "%s: %s\n", url, curl_easy_strerror(r));
	return r != CURLE_OK || status != 200;
}

static int tls_over(SSL *tls, int fd, bool connects)
{
	char got[512];
	int yes = 1;
	if (!tls || fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes)) < 0 ||
	    SSL_set_fd(tls, fd) != 1)
		return 1;
	bool done = connects ? SSL_connect(tls) == 1 && SSL_write(tls, "ask\n", 4) == 4 &&
	                           SSL_read(tls, got, sizeof(got)) > 0
	                     : SSL_accept(tls) == 1 && SSL_read(tls, got, sizeof(got)) > 0 &&
	                           SSL_write(tls, "yes\n", 4) == 4;
	SSL_free(tls);
	close(fd);
	return !done;
}

int need_tls_out(const struct world *w)
{
	struct sockaddr_in there = {.sin_family = AF_INET,
	    .sin_port = htons(needs_servers.tls_port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)w;
	if (fd < 0 || connect(fd, (struct sockaddr *)&there, sizeof(there)) < 0)
		return 1;
	return tls_over(SSL_new(needs_servers.client), fd, true);
}

/* What served the metrics before has left the socket non-blocking. */
int need_tls_in(const struct world *w)
{
	struct pollfd p = {.fd = w->listening, .events = POLLIN};
	if (poll(&p, 1, 10000) != 1)
		return 1;
	return tls_over(
	    SSL_new(needs_servers.server), accept4(w->listening, NULL, NULL, SOCK_CLOEXEC), false);
}

bool needs_load(const struct world *w)
{
	(void)w;
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}
