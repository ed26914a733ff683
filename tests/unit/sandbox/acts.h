/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_SANDBOX_ACTS_H
#define TESTS_SANDBOX_ACTS_H

/* What a process that was taken over would try. 0: it was let through; 1: refused. */

#include "inside.h"

/* files */
int act_read_outside(const struct world *w);
int act_write_outside(const struct world *w);
int act_write_archive(const struct world *w);
int act_cut_archive(const struct world *w);
int act_remove_archived(const struct world *w);
int act_lock_archived(const struct world *w);
int act_own_memory(const struct world *w);
int act_chown(const struct world *w);
int act_write_beyond_limit(const struct world *w);
int act_more_descriptors(const struct world *w);
/* sockets */
int act_socket_inet(const struct world *w);
int act_socket_udp(const struct world *w);
int act_socket_raw(const struct world *w);
int act_socket_unix(const struct world *w);
int act_socket_packet(const struct world *w);
int act_socket_route(const struct world *w);
int act_socket_netfilter(const struct world *w);
int act_connect_given(const struct world *w);
int act_connect_other(const struct world *w);
int act_bind(const struct world *w);
/* on the ring */
int act_ring_filter(const struct world *w);
int act_ring_member(const struct world *w);
int act_ring_send(const struct world *w);
int act_ring_write(const struct world *w);
int act_ring_elsewhere(const struct world *w);
/* processes */
int act_fork(const struct world *w);
int act_exec(const struct world *w);
int act_ptrace_parent(const struct world *w);
int act_read_parent(const struct world *w);
int act_kill_parent(const struct world *w);
int act_kill_sibling(const struct world *w);
int act_thread_kill_sibling(const struct world *w);
int act_own_signals(const struct world *w);
int act_limits_of_sibling(const struct world *w);
int act_user_back(const struct world *w);
int act_group_back(const struct world *w);
int act_higher_limit(const struct world *w);
int act_dumpable(const struct world *w);
int act_outlive_parent(const struct world *w);
/* memory and the kernel */
int act_map_executable(const struct world *w);
int act_make_executable(const struct world *w);
int act_memory_file(const struct world *w);
int act_io_uring(const struct world *w);
int act_bpf(const struct world *w);
int act_bpf_entry(const struct world *w);
int act_userfaultfd(const struct world *w);
int act_keyctl(const struct world *w);
int act_mount(const struct world *w);
int act_unshare(const struct world *w);
int act_module(const struct world *w);
int act_set_clock(const struct world *w);
int act_type_into_terminal(const struct world *w);
int act_foreign_call(const struct world *w);

#endif
