#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR MIT
#
# $1: kernel source or header tree. Looks into the headers that the module will be compiled against
# and prints one HAVE_ line per interface that changed between kernels. Stable updates carry such changes
# too, so a version number proves nothing. compat.h is the only user.

include=$1/include
if [ ! -e "$include/drm/gpu_scheduler.h" ]; then
	echo "$0: '$1' is no kernel source or header tree: $include/drm/gpu_scheduler.h is missing" >&2
	exit 1
fi

probe() # NAME HEADER PATTERN
{
	if grep -Eqs "$3" "$include/$2"; then
		echo "#define HAVE_$1 1"
	else
		echo "/* no HAVE_$1 */"
	fi
}

echo "/* Made from the kernel's headers: do not edit. */"
probe GPU_BUDDY	linux/gpu_buddy.h	'gpu_buddy_alloc_blocks'
probe SCHED_INIT_ARGS	drm/gpu_scheduler.h	'^struct drm_sched_init_args'
probe SCHED_CLIENT_ID	drm/gpu_scheduler.h	'^[[:space:]]+(u64|uint64_t) drm_client_id\);'
probe FENCE_INIT64	linux/dma-fence.h	'dma_fence_init64'
probe FENCE_INLINE_LOCK	linux/dma-fence.h	'inline_lock;'
probe FENCE_WAS_INIT	linux/dma-fence.h	'dma_fence_was_initialized'
probe GPUVM_MAP_REQ	drm/drm_gpuvm.h		'^struct drm_gpuvm_map_req'
probe GPUVM_OBTAIN_LOCKED drm/drm_gpuvm.h	'drm_gpuvm_bo_obtain_locked'
probe GEM_GPUVA		drm/drm_drv.h		'DRIVER_GEM_GPUVA'
probe GEM_OBJECT_ACTIVE	drm/drm_gem.h		'DRM_GEM_OBJECT_ACTIVE'
probe GEM_VMAP_UNLOCKED	drm/drm_gem.h		'drm_gem_vmap_unlocked'
probe DRIVER_DATE	drm/drm_drv.h		'char \*date;'
probe WQ_PERCPU		linux/workqueue.h	'WQ_PERCPU[[:space:]]*='
probe VMA_IS_COW	linux/mm.h		'bool vma_is_cow_mapping'
probe NS_STRING		linux/module.h		'MODULE_IMPORT_NS\(ns\)[[:space:]]+MODULE_INFO\(import_ns, ns\)'
probe PMU_REVOKES	linux/perf_event.h	'PERF_EVENT_STATE_REVOKED'
