use super::super::hex;
use super::super::key::Recoverer;
use super::*;
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use secp256k1::Message;
use std::collections::HashSet;

const KEY: &str = "0123456789012345678901234567890123456789012345678901234567890123";

fn signer() -> Signer {
    Signer::from_hex(KEY).unwrap()
}

fn secret(bytes: Hash32) -> Secret {
    Secret(SecretKey::from_byte_array(bytes).unwrap())
}

/// k, z, r, s and v by another program: textbook formulas on Python's integers.
const BY_HAND: [(&str, &str, &str, &str, u8); 6] = [
    (
        "0000000000000000000000000000000000000000000000000000000000000001",
        "74f2bab0f7b496db35967b365a4bedc0f6378888dea671ec307ee99e677fe21d",
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "7cca6f01e795050e7601fc4577a4d27b8afe3145893ab42f27dbe6ed3967b127",
        27,
    ),
    (
        "0000000000000000000000000000000000000000000000000000000000000002",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5",
        "4c3f3fd14cd192c561854e6f09a1fe56a28a1662f433032a8e2a22f9d81c1849",
        27,
    ),
    (
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140",
        "84768ddee659efeafdeb972b55143141bc23b6e333c70e8b68d29774ab09a548",
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "73b1bdd029c5a1e1c1a8e7c58d92ea0269c47d46d0ed4f6d5fa2c9c95344ccef",
        28,
    ),
    (
        "2f5052c9fd15b19a18c584d01363568198613f0c34e84409ef7938709a159ec2",
        "fb29a8d5309d7c35b180dbd78c63a455a5d1fb45149a3264c08f1aff43524beb",
        "62a74e399c39ed5593852a30147f2959b56bb827dfa3e60e464b02ccf87dc5e8",
        "55ffa411788320305569fa7285e91a74fa5c1110c150bf42884071f746b9b4ff",
        28,
    ),
    (
        "94091dd64a21ffe94214bc6d17deeb43873a5cf2f0a71b4b5caa9a5c81b6967d",
        "1c5ba87422760b1457f1413aa1d3ae2f27da7a8836d002af70ae566b75a4a845",
        "61345b53de74a4d721ef877c255429961b7e43714171ac06168d7e08c542a8b8",
        "6d61282b812a0a1b3956e14e4e5a22d2d464e4f15f2747074f123dd076db8cfb",
        27,
    ),
    (
        "88dbf612972c594a2c2f6dde493ef1c4cd27adba8c36e6ebd00b89ff143aba61",
        "ee2a8bc71ab625659947b3f4001195a67062f249566b4cfb341ed53b1b943caa",
        "da72e8b46901a65d4374fe6315538d8f368557dda3a1dcf9ea903f3afe7314c8",
        "47890645d366ce33eba28d39ab45f3e82d8578b4f13c5cc0cbf7436a426fb69c",
        28,
    ),
];

#[test]
fn with_a_given_k_the_answer_is_known() {
    for (k, z, r, s, v) in BY_HAND {
        let [k, z, r, s] = [k, z, r, s].map(|text| hex::parse(text).unwrap());
        let signature = Presignature::new(&signer(), &secret(k)).unwrap().sign(&z);
        assert_eq!(signature, Some(Signature { r, s, v }));
    }
}

proptest! {
    /// With the k that RFC 6979 has for a digest, the signature is the library's own, bit by bit: so nonce,
    /// point, inverse, sum, product, low s and recovery id are.
    #[test]
    fn with_the_ordinary_k_it_is_the_ordinary_signature(
        key in any::<[u8; 32]>(), digest in any::<[u8; 32]>(), entropy in any::<[u8; 32]>(),
    ) {
        let Ok(signer) = Signer::from_hex(&hex::text(&key)) else { return Ok(()) };
        let with = |entropy: &[u8]| {
            let k = nonce(&signer, &digest, entropy);
            Presignature::new(&signer, &k).unwrap().sign(&digest).unwrap()
        };
        prop_assert_eq!(with(&[]), signer.sign(&digest));
        // And with entropy, as presignatures have it.
        let (context, message) = (&signer.context, Message::from_digest(digest));
        let theirs =
            context.sign_ecdsa_recoverable_with_noncedata(message, &signer.secret, &entropy);
        let (id, compact) = theirs.serialize_compact();
        let ours = with(&entropy);
        prop_assert_eq!([ours.r, ours.s].concat(), compact.to_vec());
        prop_assert_eq!(i32::from(ours.v), 27 + i32::from(id));
    }
}

/// `cargo bench --bench sign -- --million` does the same a million times.
#[test]
fn every_signature_is_of_the_key_has_a_low_s_and_its_own_r() {
    const COUNT: u64 = 10_000;
    let seed: u64 = rand::random();
    let (signer, recoverer) = (signer(), Recoverer::default());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut points = HashSet::new();
    let mut odd = 0;
    for i in 0..COUNT {
        let [mut entropy, mut digest] = [[0; 32]; 2];
        rng.fill_bytes(&mut entropy);
        rng.fill_bytes(&mut digest);
        let k = nonce(&signer, &[0; 32], &entropy);
        let signature = Presignature::new(&signer, &k).unwrap().sign(&digest).unwrap();
        let whose = recoverer.recover(&digest, &signature);
        assert_eq!(whose, Some(signer.address()), "seed {seed}, the {i}th");
        assert!(signature.s <= HALF_ORDER, "seed {seed}, the {i}th");
        assert!(points.insert(signature.r), "seed {seed}, the {i}th: an r twice");
        odd += u64::from(signature.v == 28);
    }
    assert!(odd.abs_diff(COUNT / 2) < COUNT / 10, "seed {seed}: {odd} of {COUNT} are odd");
}

#[test]
fn a_number_times_its_inverse_is_one() {
    let mut less_1 = ORDER_LESS_2;
    less_1[31] += 1;
    let one = secp256k1::constants::ONE;
    assert_eq!(secret(one).inverse().unwrap().0.secret_bytes(), one);
    assert_eq!(secret(less_1).inverse().unwrap().0.secret_bytes(), less_1, "-1");
    let mut two = [0; 32];
    two[31] = 2;
    let half = secret(two).inverse().unwrap();
    assert_eq!(half.times(&secret(two)).unwrap().0.secret_bytes(), one);
}

#[test]
fn nothing_signs_with_what_is_spent_or_a_digest_beyond_the_order() {
    assert_eq!(Presignature::SPENT.sign(&[7; 32]), None);
    let k = nonce(&signer(), &[1; 32], &[2; 32]);
    let fresh = Presignature::new(&signer(), &k).unwrap();
    assert_eq!(fresh.sign(&[0xff; 32]), None, "the key signs it as ever");
}

/// Each of key, message and entropy changes the k; all three alike give it again, which is why a copy of a
/// machine is the danger.
#[test]
fn the_nonce_is_of_all_three() {
    let other = Signer::from_hex(&"1".repeat(64)).unwrap();
    let point = |signer: &Signer, message: u8, entropy: u8| {
        Presignature::new(signer, &nonce(signer, &[message; 32], &[entropy; 32])).unwrap().r
    };
    let first = point(&signer(), 1, 1);
    assert_eq!(first, point(&signer(), 1, 1));
    for another in [point(&signer(), 2, 1), point(&signer(), 1, 2), point(&other, 1, 1)] {
        assert_ne!(first, another);
    }
}

/// Of two implementations of `lacks` the compiler could not choose: this builds because there is one, which is
/// to say that what is held here is not implemented.
mod neither_cloned_nor_copied_nor_shown {
    use super::Presignature;

    macro_rules! lacks {
        ($name:ident: $($bound:path),+) => {
            #[test]
            fn $name() {
                trait Lacks<A> { fn lacks() {} }
                impl<T> Lacks<()> for T {}
                $({
                    struct Has;
                    impl<T: $bound> Lacks<Has> for T {}
                })+
                <Presignature as Lacks<_>>::lacks();
            }
        };
    }
    lacks!(presignatures: Clone, Copy, core::fmt::Debug, core::fmt::Display, serde::Serialize);
}

#[test]
fn one_that_goes_is_wiped() {
    let k = nonce(&signer(), &[1; 32], &[2; 32]);
    let mut one = Presignature::new(&signer(), &k).unwrap();
    assert!(one.share != [0; 32] && one.inverse != [0; 32]);
    one.wipe();
    assert_eq!((one.r, one.share, one.inverse), ([0; 32], [0; 32], [0; 32]));
}
