/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What cuts in nftables cost, with none to a hundred thousand in force, beside the same elements loaded by
 * the nft command into a hash set and an interval set: to put them, to add one more, memory, and the packets
 * that a gateway forwards. Makes three network namespaces of its own; wants root and nft. Prints a table.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/num.h"
#include "base/timefmt.h"
#include "enforce/netfilter.h"
#include "enforce/netfilter_read.h"

enum { ADDS = 200, NFT_ADDS = 11, ROUNDS = 9, BATCH = 64, ROUND_MS = 300 };

static int ns[3]; /* inside, gateway, outside */
static char folder[] = "/tmp/bulkhead-cuts-XXXXXX";
static char commands[64];

static void check(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "cuts: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void enter(int place)
{
	check(setns(ns[place], CLONE_NEWNET) == 0, "setns");
}

/* Runs a command of blank-separated words; "@0" and "@2" stand for the namespaces. */
static void run(const char *command)
{
	char copy[256], where[2][64], *words[32], *rest = copy;
	size_t n = 0;
	snprintf(copy, sizeof(copy), "%s", command);
	for (int i = 0; i < 2; i++)
		snprintf(where[i], sizeof(where[i]), "/proc/%d/fd/%d", (int)getpid(), ns[2 * i]);
	for (char *word; (word = strsep(&rest, " ")) && n < 31;)
		words[n++] = word[0] == '@' ? where[word[1] == '2'] : word;
	words[n] = NULL;
	pid_t child = fork();
	check(child >= 0, "fork");
	if (child == 0) {
		execvp(words[0], words);
		_exit(127);
	}
	int status;
	check(waitpid(child, &status, 0) == child && status == 0, command);
}

static void new_namespace(int place)
{
	check(unshare(CLONE_NEWNET) == 0, "a network namespace (as root?)");
	ns[place] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	check(ns[place] >= 0, "/proc");
}

static void set_up(void)
{
	static const char *const steps[] = {"1ip link add in type veth peer name e netns @0",
	    "1ip link add out type veth peer name e netns @2", "1ip addr add 10.1.0.1/24 dev in",
	    "1ip addr add 192.0.2.1/24 dev out", "1ip link set in up", "1ip link set out up",
	    "0ip addr add 10.1.0.2/24 dev e", "0ip link set e up", "0ip route add default via 10.1.0.1",
	    "2ip addr add 192.0.2.2/24 dev e", "2ip link set e up", "2ip route add default via 192.0.2.1"};
	new_namespace(0);
	new_namespace(2);
	new_namespace(1);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		enter(steps[i][0] - '0');
		run(steps[i] + 1);
	}
	enter(1);
	int fd = open("/proc/sys/net/ipv4/ip_forward", O_WRONLY | O_CLOEXEC);
	check(fd >= 0 && write(fd, "1", 1) == 1, "ip_forward");
	close(fd);
}

/* The n-th element: half are addresses, half prefixes of 24 to 30 bits; no two overlap. */
static struct net_prefix element(uint32_t n)
{
	uint32_t v = htonl(0x0b000000u + (n << 8) % (200u << 24));
	return net_prefix_of(net_addr_v4((const uint8_t *)&v), (uint8_t)(n % 2 ? 128 : 120 + n / 2 % 7));
}

static struct backend_step adding(uint32_t n, int64_t until)
{
	return (struct backend_step){.cut = {.from = element(n)}, .until = until, .act = BACKEND_ADD};
}

static uint64_t number_after(const char *path, const char *word)
{
	char line[256];
	uint64_t value = 0;
	FILE *f = fopen(path, "re");
	check(f != NULL, path);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, word);
		if (at)
			value = strtoull(at + strlen(word), NULL, 10);
	}
	fclose(f);
	return value;
}

/* What can't be given back: elements, their counters, the buckets of small tables. */
static uint64_t kernel_kib(void)
{
	return number_after("/proc/meminfo", "SUnreclaim:") + number_after("/proc/meminfo", "Percpu:");
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static double sorted_us(int64_t *times, size_t n, double share)
{
	qsort(times, n, sizeof(*times), compare_times);
	return (double)times[(size_t)(share * (double)(n - 1))] / 1e3;
}

/* Packets a second that come out of the gateway while one core sends as fast as it can. */
static double forwarded(int client)
{
	static char payload[18];
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct iovec bytes = {.iov_base = payload, .iov_len = sizeof(payload)};
	struct mmsghdr messages[BATCH];
	memset(messages, 0, sizeof(messages));
	inet_pton(AF_INET, "192.0.2.2", &to.sin_addr);
	for (size_t i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){
		    .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &bytes, .msg_iovlen = 1};
	enter(2);
	/* "  e: bytes packets": the second number */
	char line[256];
	uint64_t packets[2] = {0};
	int64_t times[2];
	for (int i = 0; i < 2; i++) {
		FILE *f = fopen("/proc/thread-self/net/dev", "re");
		check(f != NULL, "net/dev");
		while (fgets(line, sizeof(line), f)) {
			char *at = strstr(line, " e:");
			if (at) {
				(void)strtoull(at + 3, &at, 10);
				packets[i] = strtoull(at, NULL, 10);
			}
		}
		fclose(f);
		times[i] = netfilter_now();
		while (i == 0 && netfilter_now() < times[0] + ROUND_MS * NS_PER_MS)
			(void)sendmmsg(client, messages, BATCH, 0);
	}
	enter(1);
	return (double)(packets[1] - packets[0]) * 1e9 / (double)(times[1] - times[0]);
}

/* One line for the table: what a variant took. */
struct figures {
	double put_ms, one_us, one_p99_us, kernel_mib, process_mib, rate;
};

static struct backend *put_ours(size_t n, struct figures *f)
{
	const struct netfilter_config config = {.hooks = NETFILTER_ROUTED};
	struct backend *b;
	int64_t until = netfilter_now() + 3600 * NS_PER_S, times[ADDS];
	uint64_t kernel = kernel_kib(), own = number_after("/proc/self/status", "VmRSS:");
	int r = netfilter_open(&config, &b);
	check(r == 0, err_text(r));
	struct backend_step *steps = calloc(n + 1, sizeof(*steps));
	check(steps != NULL, "memory");
	for (size_t i = 0; i < n; i++)
		steps[i] = adding((uint32_t)i, until);
	check(b->ops->lease(b, until) == 0, "lease");
	int64_t begin = netfilter_now();
	r = b->ops->change(b, steps, n, NULL);
	check(r == 0, err_text(r));
	f->put_ms = (double)(netfilter_now() - begin) / 1e6;
	free(steps);
	f->process_mib = ((double)number_after("/proc/self/status", "VmRSS:") - (double)own) / 1024;
	f->kernel_mib = ((double)kernel_kib() - (double)kernel) / 1024;
	for (size_t i = 0; i < ADDS; i++) {
		struct backend_step one = adding((uint32_t)(n + i), until);
		begin = netfilter_now();
		check(b->ops->change(b, &one, 1, NULL) == 0, "one more");
		times[i] = netfilter_now() - begin;
	}
	f->one_us = sorted_us(times, ADDS, 0.5);
	f->one_p99_us = sorted_us(times, ADDS, 0.99);
	return b;
}

static void write_elements(FILE *out, const char *set, size_t from, size_t to, bool prefixes)
{
	char text[NET_PREFIX_TEXT_SIZE];
	bool first = true;
	for (size_t i = from; i < to; i++) {
		if ((i % 2 == 0) != prefixes)
			continue;
		if (first)
			fprintf(out, "add element inet plain %s { ", set);
		struct net_prefix p = element((uint32_t)i);
		if (prefixes)
			net_prefix_text(p, text);
		else
			net_addr_text(p.addr, text);
		fprintf(out, "%s%s timeout 1h", first ? "" : ", ", text);
		first = false;
	}
	if (!first)
		fputs(" }\n", out);
}

static double run_file(void)
{
	char command[96];
	snprintf(command, sizeof(command), "nft -f %s", commands);
	int64_t begin = netfilter_now();
	run(command);
	return (double)(netfilter_now() - begin) / 1e6;
}

static void put_nft(size_t n, struct figures *f)
{
	int64_t times[NFT_ADDS];
	uint64_t kernel = kernel_kib();
	FILE *out = fopen(commands, "we");
	check(out != NULL, commands);
	fputs("table inet plain {\n set a { type ipv4_addr; flags timeout; counter; }\n"
	      " set p { type ipv4_addr; flags interval, timeout; counter; }\n"
	      " chain forward { type filter hook forward priority -180; policy accept;\n"
	      "  ip saddr @a drop\n  ip daddr @a drop\n  ip saddr @p drop\n  ip daddr @p drop\n }\n}\n",
	    out);
	write_elements(out, "a", 0, n, false);
	write_elements(out, "p", 0, n, true);
	fclose(out);
	f->put_ms = run_file();
	f->kernel_mib = ((double)kernel_kib() - (double)kernel) / 1024;
	for (size_t i = 0; i < NFT_ADDS; i++) {
		out = fopen(commands, "we");
		check(out != NULL, commands);
		/* a prefix: the half that an interval set makes dear */
		write_elements(out, "p", n + 2 * i, n + 2 * i + 2, true);
		fclose(out);
		times[i] = (int64_t)(run_file() * 1e6);
	}
	f->one_us = sorted_us(times, NFT_ADDS, 0.5);
	f->one_p99_us = sorted_us(times, NFT_ADDS, 1);
}

/* Only one of the tables, or none, has packets to look at: they are measured in turn, for other work goes on
 * beside. */
static void wake(size_t variant)
{
	run(variant == 1 ? "nft add table inet bulkhead" : "nft add table inet bulkhead { flags dormant ; }");
	run(variant == 2 ? "nft add table inet plain" : "nft add table inet plain { flags dormant ; }");
}

static void print_figures(size_t n, const struct figures *f)
{
	static const char *const names[] = {"none", "ours", "nft"};
	for (size_t v = 0; v < 3; v++) {
		printf("| %zu | %s | ", n, names[v]);
		if (v == 0)
			printf("– | – | – | – | – | ");
		else
			printf("%.1f | %.0f | %.0f | %.1f | ", f[v].put_ms, f[v].one_us, f[v].one_p99_us,
			    f[v].kernel_mib);
		if (v == 1)
			printf("%.1f | ", f[v].process_mib);
		if (v == 2)
			printf("– | ");
		printf("%.0f | %.2f |\n", f[v].rate / 1e3, f[v].rate / f[0].rate);
	}
	printf("| | nft / ours | %.1f | %.0f | | | | %.2f | |\n", f[2].put_ms / f[1].put_ms,
	    f[2].one_us / f[1].one_us, f[2].rate / f[1].rate);
	fflush(stdout);
}

static void measure(size_t n, int client)
{
	struct figures f[3] = {0};
	int64_t rates[3][ROUNDS];
	struct backend *b = put_ours(n, &f[1]);
	put_nft(n, &f[2]);
	for (size_t i = 0; i < ROUNDS; i++)
		for (size_t variant = 0; variant < 3; variant++) {
			wake(variant);
			rates[variant][i] = (int64_t)(forwarded(client) * 1e3);
		}
	for (size_t variant = 0; variant < 3; variant++)
		f[variant].rate = sorted_us(rates[variant], ROUNDS, 0.5);
	print_figures(n, f);
	check(b->ops->clear(b) == 0, "clear");
	b->ops->close(b);
	run("nft delete table inet plain");
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = {0, 1000, 10000, 100000};
	uint64_t most = 100000;
	if (argc > 2 || (argc == 2 && num_parse_u64(text_of(argv[1]), 100000, &most) < 0)) {
		fprintf(stderr, "usage: bench_cuts [MOST-CUTS]\n");
		return 2;
	}
	check(mkdtemp(folder) != NULL, folder);
	snprintf(commands, sizeof(commands), "%s/commands", folder);
	set_up();
	enter(0);
	int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(client >= 0, "socket");
	enter(1);
	(void)forwarded(client);
	puts("| cuts | | put all, ms | one more, µs, p50 | p99 | kernel MiB | process MiB | forwarded, k "
	     "packets/s "
	     "| of none |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (sizes[i] <= most)
			measure(sizes[i], client);
	unlink(commands);
	rmdir(folder);
	return 0;
}
