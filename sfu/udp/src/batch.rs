//! Many sends in one system call: `sendmmsg`, with segmentation offload for each (Linux).
//!
//! What `quinn-udp` does for one, done for a batch. It sends nothing that needs care: whatever the
//! system does not take at once is left to `quinn-udp`, which knows what the error means.

use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::IpAddr;
use std::os::fd::AsRawFd;

use socket2::SockAddr;

use crate::Train;

/// Sends in one call.
pub(crate) const SENDS: usize = 32;

/// Room for the segment size and a source address, each with its header.
const CONTROL: usize = 64;

/// Control messages, as the system wants them aligned.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Control([u8; CONTROL]);

/// Sends the trains of the first of `items`, up to [`SENDS`], and returns how many were taken.
/// `unspecified`: the socket is bound to all addresses, and the trains' sources are to be said.
pub(crate) fn send<'a, T>(
    socket: &impl AsRawFd,
    items: &'a [T],
    unspecified: bool,
    train: impl Fn(&'a T) -> Train<'a>,
) -> io::Result<usize> {
    let count = items.len().min(SENDS);
    let mut names: [MaybeUninit<SockAddr>; SENDS] = [const { MaybeUninit::uninit() }; SENDS];
    let mut parts = [libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 }; SENDS];
    let mut controls = [Control([0; CONTROL]); SENDS];
    // SAFETY: a message header of zeros is one without name, data and control.
    let mut messages: [libc::mmsghdr; SENDS] = unsafe { std::mem::zeroed() };
    for (index, train) in items.iter().take(count).map(train).enumerate() {
        let name = names[index].write(train.destination.into());
        parts[index] = libc::iovec {
            // The system only reads from it.
            iov_base: train.contents.as_ptr().cast_mut().cast(),
            iov_len: train.contents.len(),
        };
        let header = &mut messages[index].msg_hdr;
        header.msg_name = name.as_ptr().cast_mut().cast();
        header.msg_namelen = name.len();
        header.msg_iov = &raw mut parts[index];
        header.msg_iovlen = 1;
        let mut writer = ControlWriter { header, space: &mut controls[index], used: 0 };
        if train.size < train.contents.len() {
            writer.push(libc::SOL_UDP, libc::UDP_SEGMENT, train.size as u16);
        }
        match train.source.filter(|_| unspecified) {
            Some(IpAddr::V4(ip)) => writer.push(
                libc::IPPROTO_IP,
                libc::IP_PKTINFO,
                libc::in_pktinfo {
                    ipi_ifindex: 0,
                    ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                    ipi_addr: libc::in_addr { s_addr: 0 },
                },
            ),
            Some(IpAddr::V6(ip)) => writer.push(
                libc::IPPROTO_IPV6,
                libc::IPV6_PKTINFO,
                libc::in6_pktinfo {
                    ipi6_ifindex: 0,
                    ipi6_addr: libc::in6_addr { s6_addr: ip.octets() },
                },
            ),
            None => {}
        }
    }
    // SAFETY: the first `count` messages point to names, parts and controls that live until after
    // the call, and the parts to the trains' contents, which do too.
    let sent =
        unsafe { libc::sendmmsg(socket.as_raw_fd(), messages.as_mut_ptr(), count as u32, 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
}

/// Appends control messages to a message's header.
struct ControlWriter<'a> {
    header: &'a mut libc::msghdr,
    space: &'a mut Control,
    used: usize,
}

impl ControlWriter<'_> {
    fn push<T: Copy>(&mut self, level: i32, kind: i32, value: T) {
        let size = size_of::<T>() as u32;
        // SAFETY: these only compute lengths.
        let (space, length) = unsafe { (libc::CMSG_SPACE(size), libc::CMSG_LEN(size)) };
        let end = self.used + space as usize;
        assert!(end <= CONTROL, "there is room for every control message");
        let message = self.space.0[self.used..end].as_mut_ptr().cast::<libc::cmsghdr>();
        // SAFETY: `message` has `space` bytes of `self.space`, and is aligned: the space is, and
        // every message before it filled a multiple of the alignment.
        unsafe {
            (*message).cmsg_level = level;
            (*message).cmsg_type = kind;
            (*message).cmsg_len = length as _;
            libc::CMSG_DATA(message).cast::<T>().write_unaligned(value);
        }
        self.used = end;
        self.header.msg_control = self.space.0.as_mut_ptr().cast();
        self.header.msg_controllen = end as _;
    }
}
