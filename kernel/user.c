// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What one user may take of a card, over all its files.
 *
 * Limits of a file stop a mistake; who means it opens another file. So what a card has little of is
 * also counted for the user who opened the files. A user with CAP_SYS_RESOURCE may go beyond.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/module.h>

#include "loom.h"

static unsigned int user_queues;
module_param(user_queues, uint, 0444);
MODULE_PARM_DESC(user_queues, "Queues of one user on a card (0: seven eighths of its contexts)");

static unsigned int user_vms = 1024;
module_param(user_vms, uint, 0444);
MODULE_PARM_DESC(user_vms, "Address spaces of one user on a card (default 1024)");

static unsigned int user_local_mib;
module_param(user_local_mib, uint, 0444);
MODULE_PARM_DESC(user_local_mib,
		 "MiB of local memory of one user on a card (0: seven eighths of it)");

/**
 * struct loom_user - somebody who has files of a card open
 * @ref: its clients, VMs and buffers in local memory have one each
 * @ldev: the card
 * @uid: who
 * @link: in &loom_device.users
 * @used: by enum loom_user_kind, what it has; under &loom_device.user_lock
 */
struct loom_user {
	refcount_t ref;
	struct loom_device *ldev;
	kuid_t uid;
	struct list_head link;
	u64 used[LOOM_USER_KINDS];
};

static u64 most_of(u64 all)
{
	return max(all - all / 8, 1ull);
}

/**
 * loom_user_init() - limits of a card's users
 * @ldev: the card, whose capabilities are known
 */
void loom_user_init(struct loom_device *ldev)
{
	ldev->user_limit[LOOM_USER_QUEUES] = user_queues ?: most_of(ldev->caps.contexts - 1);
	ldev->user_limit[LOOM_USER_VMS] = max(user_vms, 1u);
	ldev->user_limit[LOOM_USER_LOCAL] = user_local_mib ? (u64)user_local_mib << 20 :
					    most_of(ldev->caps.local_size);
}

static struct loom_user *user_find(struct loom_device *ldev, kuid_t uid)
{
	struct loom_user *user;

	lockdep_assert_held(&ldev->user_lock);
	list_for_each_entry(user, &ldev->users, link) {
		if (uid_eq(user->uid, uid)) {
			refcount_inc(&user->ref);
			return user;
		}
	}
	return NULL;
}

/**
 * loom_user_find() - the caller, as a user of the card
 * @ldev: the card
 *
 * Return: the user with a reference, or NULL if there is no memory.
 */
struct loom_user *loom_user_find(struct loom_device *ldev)
{
	struct loom_user *fresh = kzalloc(sizeof(*fresh), GFP_KERNEL_ACCOUNT), *user;

	if (!fresh)
		return NULL;
	refcount_set(&fresh->ref, 1);
	fresh->ldev = ldev;
	fresh->uid = current_uid();
	spin_lock(&ldev->user_lock);
	user = user_find(ldev, fresh->uid);
	if (!user)
		list_add_tail(&fresh->link, &ldev->users);
	spin_unlock(&ldev->user_lock);
	if (!user)
		return fresh;
	kfree(fresh);
	return user;
}

/**
 * loom_user_get() - take a reference
 * @user: the user
 *
 * Return: @user.
 */
struct loom_user *loom_user_get(struct loom_user *user)
{
	refcount_inc(&user->ref);
	return user;
}

/**
 * loom_user_put() - drop a reference
 * @user: the user
 */
void loom_user_put(struct loom_user *user)
{
	struct loom_device *ldev = user->ldev;
	bool last;

	/* Not a moment between the two: user_find() takes what is in the list. */
	spin_lock(&ldev->user_lock);
	last = refcount_dec_and_test(&user->ref);
	if (last)
		list_del(&user->link);
	spin_unlock(&ldev->user_lock);
	if (last)
		kfree(user);
}

static bool user_charge(struct loom_user *user, enum loom_user_kind kind, u64 amount, bool force)
{
	struct loom_device *ldev = user->ldev;
	u64 limit = ldev->user_limit[kind];
	bool fits;

	spin_lock(&ldev->user_lock);
	fits = force || (amount <= limit && user->used[kind] <= limit - amount);
	if (fits)
		user->used[kind] += amount;
	spin_unlock(&ldev->user_lock);
	return fits;
}

/**
 * loom_user_charge() - somebody is about to get something that is limited; may sleep
 * @user: who
 * @kind: what
 * @amount: how much
 *
 * Return: 0, or -EDQUOT if that is more than it may have.
 */
int loom_user_charge(struct loom_user *user, enum loom_user_kind kind, u64 amount)
{
	if (user_charge(user, kind, amount, false))
		return 0;
	/* Perhaps something is only about to be given back. */
	flush_workqueue(loom_wq);
	if (user_charge(user, kind, amount, false))
		return 0;
	/* Asked only now: the use of a capability is recorded. */
	if (!capable(CAP_SYS_RESOURCE))
		return -EDQUOT;
	user_charge(user, kind, amount, true);
	return 0;
}

/**
 * loom_user_uncharge() - it has been given back
 * @user: who
 * @kind: what
 * @amount: how much
 */
void loom_user_uncharge(struct loom_user *user, enum loom_user_kind kind, u64 amount)
{
	spin_lock(&user->ldev->user_lock);
	user->used[kind] -= amount;
	spin_unlock(&user->ldev->user_lock);
}
