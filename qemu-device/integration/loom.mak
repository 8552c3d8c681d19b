# SPDX-License-Identifier: MIT
#
# What the virtual machine of the tests is made of, and nothing else: the card, a PCIe topology
# to put it in, and the paravirtual devices that carry files and output.
CONFIG_PCI_DEVICES=n
CONFIG_Q35=y
CONFIG_SERIAL_ISA=y
CONFIG_PCIE_PORT=y
CONFIG_VTD=y
CONFIG_LOOM=y
CONFIG_EDU=y
CONFIG_NVME_PCI=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_NET=y
CONFIG_VIRTIO_9P=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VIRTIO_RNG=y
