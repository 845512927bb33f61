use super::*;
use crate::error::ErrorKind;
use crate::rng::Rng;

/// A file with this header and this many bytes of elements.
fn file(header: &str, bytes: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend((0..bytes).map(|i| i as u8));
    file
}

fn shape(sizes: &[usize]) -> Shape {
    Shape::new(sizes).unwrap()
}

/// Reads a tensor, whatever it is, as doubles.
fn read(entry: &Entry, file: &[u8]) -> Result<Vec<f64>> {
    let n = entry.shape.elements();
    Ok(match entry.dtype()? {
        DType::Float32 => {
            let mut out = vec![0.0; n];
            entry.read(file, DataMut::Real(&mut out))?;
            out.into_iter().map(f64::from).collect()
        }
        DType::Int32 => {
            let mut out = vec![0; n];
            entry.read(file, DataMut::Int(&mut out))?;
            out.into_iter().map(f64::from).collect()
        }
        DType::Uint8 | DType::Bool => {
            let mut out = vec![0; n];
            entry.read(file, DataMut::Byte(&mut out))?;
            out.into_iter().map(f64::from).collect()
        }
    })
}

/// A tensor of one type with these bytes, read.
fn read_as(dtype: &str, bytes: &[u8], count: usize) -> Result<Vec<f64>> {
    let header =
        format!(r#"{{"x":{{"dtype":"{dtype}","shape":[{count}],"data_offsets":[0,{}]}}}}"#, bytes.len());
    let mut file = file(&header, 0);
    file.extend(bytes);
    read(&parse_header(&file)?.entries[0], &file)
}

fn example() -> Vec<u8> {
    let (weight, bias) = ([1.5f32, -2.0, f32::INFINITY, 1e-40, 0.0, -0.0], [0.5f32, 7.0]);
    let [matrix, vector, scalar, empty] = [&[2, 3][..], &[2], &[], &[0, 5]].map(shape);
    let metadata = [("format", "pt"), ("by", "a \"test\"\n"), ("a", "")];
    serialize(
        &[
            Output { name: "fc.bias", dtype: DType::Float32, shape: &vector, data: Data::Real(&bias) },
            Output { name: "fc.weight", dtype: DType::Float32, shape: &matrix, data: Data::Real(&weight) },
            Output { name: "steps", dtype: DType::Int32, shape: &scalar, data: Data::Int(&[-7]) },
            Output { name: "ü \"", dtype: DType::Uint8, shape: &vector, data: Data::Byte(&[0, 255]) },
            Output { name: "mask", dtype: DType::Bool, shape: &scalar, data: Data::Byte(&[1]) },
            Output { name: "", dtype: DType::Float32, shape: &empty, data: Data::Real(&[]) },
        ],
        &metadata.map(|(key, value)| (key.into(), value.into())).into(),
    )
    .unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let file = example();
    let header = parse_header(&file).unwrap();
    let names: Vec<&str> = header.entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["", "fc.bias", "fc.weight", "steps", "ü \"", "mask"]);
    assert_eq!(header.metadata["by"], "a \"test\"\n");
    assert_eq!(header.metadata.len(), 3);
    let values = |i: usize| read(&header.entries[i], &file).unwrap();
    assert_eq!(values(0), [0.0; 0]);
    assert_eq!(values(1), [0.5, 7.0]);
    assert_eq!(values(2), [1.5, -2.0, f64::INFINITY, f64::from(1e-40f32), 0.0, 0.0]);
    assert!(values(2)[5].is_sign_negative());
    assert_eq!((values(3), values(4), values(5)), (vec![-7.0], vec![0.0, 255.0], vec![1.0]));
    assert_eq!(header.entries[0].shape, shape(&[0, 5]));
    assert_eq!(header.entries[1].bytes.start % 8, 0);
    let nothing = serialize(&[], &BTreeMap::new()).unwrap();
    assert_eq!(parse_header(&nothing).unwrap(), Header { entries: vec![], metadata: BTreeMap::new() });
}

#[test]
fn the_order_of_tensors_does_not_matter() {
    let scalar = shape(&[]);
    let of = |name, data| Output { name, dtype: DType::Int32, shape: &scalar, data };
    let (a, b) = (of("a", Data::Int(&[1])), of("b", Data::Int(&[2])));
    let metadata = (0..20).map(|i| (i.to_string(), i.to_string())).collect();
    assert_eq!(serialize(&[a, b], &metadata).unwrap(), serialize(&[b, a], &metadata).unwrap());
    assert_eq!(serialize(&[a, a], &metadata).unwrap_err().kind, ErrorKind::Argument);
    let reserved = of("__metadata__", Data::Int(&[1]));
    assert_eq!(serialize(&[reserved], &metadata).unwrap_err().kind, ErrorKind::Argument);
}

#[test]
fn other_types_are_converted() {
    let bytes: Vec<u8> = [1.5f64, -1e300, 0.1].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(read_as("F64", &bytes, 3).unwrap(), [1.5, f64::NEG_INFINITY, f64::from(0.1f32)]);
    let halves: [u16; 9] = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x7c00, 0x8000, 0x3555];
    let bytes: Vec<u8> = halves.iter().flat_map(|x| x.to_le_bytes()).collect();
    let tiny = 2f64.powi(-24);
    let third = 0.333_251_953_125;
    assert_eq!(
        read_as("F16", &bytes, 9).unwrap(),
        [1.0, -2.0, 65504.0, tiny, 1023.0 * tiny, 1024.0 * tiny, f64::INFINITY, 0.0, third]
    );
    assert!(read_as("F16", &[0x01, 0xfe], 1).unwrap()[0].is_nan());
    assert_eq!(read_as("BF16", &[0x80, 0x3f, 0x49, 0xc0], 2).unwrap(), [1.0, -3.140625]);
    let bytes: Vec<u8> =
        [i64::from(i32::MAX), i64::from(i32::MIN)].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(read_as("I64", &bytes, 2).unwrap(), [2_147_483_647.0, -2_147_483_648.0]);
    assert_eq!(read_as("I8", &[0xff, 5], 2).unwrap(), [-1.0, 5.0]);
    assert_eq!(read_as("I16", &[0xff, 0xff], 1).unwrap(), [-1.0]);
    assert_eq!(read_as("U16", &[0xff, 0xff], 1).unwrap(), [65535.0]);
    assert_eq!(read_as("BOOL", &[0, 1, 7], 3).unwrap(), [0.0, 1.0, 1.0]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let bytes: Vec<u8> = [0, 3_000_000_000i64].iter().flat_map(|x| x.to_le_bytes()).collect();
    let error = read_as("I64", &bytes, 2).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Data);
    assert_eq!(error.message, "safetensors: tensor \"x\": 3000000000 at position 1 does not fit int32");
    assert_eq!(read_as("U32", &[0xff; 4], 1).unwrap_err().kind, ErrorKind::Data);
    assert_eq!(read_as("U64", &[0xff; 8], 1).unwrap_err().kind, ErrorKind::Data);
    let error = read_as("F8_E4M3", &[1], 1).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Format);
    assert!(error.message.contains("F8_E4M3"), "{error}");
    let file = example();
    let entry = &parse_header(&file).unwrap().entries[1];
    assert!(entry.read(&file, DataMut::Real(&mut [0.0; 3])).is_err());
    assert!(entry.read(&file, DataMut::Int(&mut [0; 2])).is_err());
    assert!(entry.read(&file[..50], DataMut::Real(&mut [0.0; 2])).is_err());
}

#[test]
fn hostile_headers_are_format_errors() {
    let tensor = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
    };
    let one =
        |dtype: &str, shape: &str, offsets: &str| format!(r#"{{"x":{}}}"#, tensor(dtype, shape, offsets));
    let two = |a: &str, b: &str| {
        let of = |offsets| tensor("F32", "[1]", offsets);
        format!(r#"{{"x":{},"y":{}}}"#, of(a), of(b))
    };
    let deep = format!("{{\"x\":{}", "[".repeat(100_000));
    let empty = tensor("F32", "[0]", "[0,0]");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("a short prefix", vec![1, 2, 3]),
        ("no header", 10u64.to_le_bytes().to_vec()),
        ("an absurd length", u64::MAX.to_le_bytes().to_vec()),
        ("a large length", [&(100_000_001u64).to_le_bytes()[..], &[b' '; 100]].concat()),
        ("no JSON", file("hello", 0)),
        ("no object", file("[1]", 0)),
        ("no UTF-8", [&2u64.to_le_bytes()[..], &[0xff, 0xfe]].concat()),
        ("deep nesting", file(&deep, 0)),
        ("an unknown type", file(&one("F33", "[1]", "[0,4]"), 4)),
        ("a missing field", file(r#"{"x":{"dtype":"F32","shape":[1]}}"#, 4)),
        ("a negative size", file(&one("F32", "[-1]", "[0,4]"), 4)),
        ("a fractional size", file(&one("F32", "[1.5]", "[0,6]"), 6)),
        ("a huge size", file(&one("F32", "[4611686018427387904, 4]", "[0,4]"), 4)),
        ("a size beyond 64 bits", file(&one("F32", "[99999999999999999999]", "[0,4]"), 4)),
        ("a size that the file lacks", file(&one("U8", "[1099511627776]", "[0,1099511627776]"), 4)),
        ("nine dimensions", file(&one("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4)),
        ("a range too short", file(&one("F32", "[2]", "[0,4]"), 4)),
        ("a range backwards", file(&one("F32", "[1]", "[4,0]"), 4)),
        ("a range beyond the end", file(&one("F32", "[1]", "[4,8]"), 4)),
        ("bytes of nobody", file(&one("F32", "[1]", "[0,4]"), 5)),
        ("truncation", file(&one("F32", "[1]", "[0,4]"), 3)),
        ("overlap", file(&two("[0,4]", "[0,4]"), 4)),
        ("half an overlap", file(&two("[0,4]", "[2,6]"), 6)),
        ("a gap", file(&two("[0,4]", "[8,12]"), 12)),
        ("a name twice", file(&format!(r#"{{"x":{empty},"x":{empty}}}"#), 0)),
        ("metadata that is no text", file(r#"{"__metadata__":{"a":1}}"#, 0)),
        ("half a byte", file(&one("F4", "[1]", "[0,1]"), 1)),
    ];
    for (what, bytes) in cases {
        let error = parse_header(&bytes).expect_err(what);
        assert_eq!(error.kind, ErrorKind::Format, "{what}: {error}");
        assert!(error.message.starts_with("safetensors: "), "{what}: {error}");
        assert!(error.message.len() < 1000, "{what}");
    }
}

#[test]
fn random_damage_never_panics() {
    let whole = example();
    let mut rng = Rng::new(3, 1);
    let mut draw = |n: usize| (rng.uniform_f64() * n as f64) as usize;
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + draw(4) {
            let at = draw(bytes.len());
            match draw(4) {
                0 => bytes[at] = draw(256) as u8,
                1 => bytes[at] ^= 1 << draw(8),
                2 => bytes.truncate(at.max(1)),
                _ => bytes.insert(at, b"0123456789[]{},:\""[draw(17)]),
            }
        }
        if let Ok(header) = parse_header(&bytes) {
            accepted += 1;
            for entry in &header.entries {
                let _ = read(entry, &bytes);
            }
        }
    }
    assert!(accepted > 100, "the damage should leave some files readable: {accepted}");
}
