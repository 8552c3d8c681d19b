/* SPDX-License-Identifier: MIT */
/* Calls that are no ioctls, or not one alone. All return 0 or a negative errno. */
#ifndef ACTS_H
#define ACTS_H

struct life;
struct file;
struct choices;

int act_packets(struct life *life, struct file *file, struct choices *choices);
int act_mmap(struct life *life, struct file *file, struct choices *choices);
int act_mmap_dmabuf(struct life *life, struct file *file, struct choices *choices);
int act_munmap(struct life *life, struct file *file, struct choices *choices);
int act_touch(struct life *life, struct file *file, struct choices *choices);
int act_poll(struct life *life, struct file *file, struct choices *choices);
int act_read(struct life *life, struct file *file, struct choices *choices);
int act_open(struct life *life, struct file *file, struct choices *choices);
int act_close(struct life *life, struct file *file, struct choices *choices);
int act_dup(struct life *life, struct file *file, struct choices *choices);
int act_fork(struct life *life, struct file *file, struct choices *choices);
int act_fdinfo(struct life *life, struct file *file, struct choices *choices);
int act_eventfd(struct life *life, struct file *file, struct choices *choices);

#endif
