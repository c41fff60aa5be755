//! An HTTP request as a server of a test reads it.

use std::io::Read;

/// Head (in small letters) and body; none at the end of the connection.
pub fn request(wire: &mut (impl Read + ?Sized)) -> Option<(String, Vec<u8>)> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        wire.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split_once("content-length: ")?.1.split_once('\r')?.0.parse().unwrap();
    let mut body = vec![0; length];
    wire.read_exact(&mut body).ok()?;
    Some((head, body))
}
