//! A reader of TFLite files that consist of `FULLY_CONNECTED` operators.

/// A table of a FlatBuffers file.
#[derive(Clone, Copy)]
struct Table<'a> {
    bytes: &'a [u8],
    at: usize,
}

fn read<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().unwrap()
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(read(bytes, at)) as usize
}

impl<'a> Table<'a> {
    fn root(bytes: &'a [u8]) -> Self {
        let at = u32_at(bytes, 0);
        Self { bytes, at }
    }

    /// Returns the position of a field, or `None` if it has its default.
    fn field(self, index: usize) -> Option<usize> {
        let back = i32::from_le_bytes(read(self.bytes, self.at));
        let vtable = usize::try_from(self.at as i64 - i64::from(back)).unwrap();
        let len = u16::from_le_bytes(read(self.bytes, vtable)) as usize;
        let slot = 4 + 2 * index;
        if slot >= len {
            return None;
        }
        match u16::from_le_bytes(read(self.bytes, vtable + slot)) {
            0 => None,
            offset => Some(self.at + usize::from(offset)),
        }
    }

    fn byte(self, index: usize) -> u8 {
        self.field(index).map_or(0, |at| self.bytes[at])
    }

    fn number(self, index: usize) -> usize {
        self.field(index).map_or(0, |at| u32_at(self.bytes, at))
    }

    fn table(self, index: usize) -> Option<Self> {
        let at = self.field(index)?;
        Some(Self {
            at: at + u32_at(self.bytes, at),
            ..self
        })
    }

    /// Returns the bytes of a vector of values of this size.
    fn vector(self, index: usize, size: usize) -> &'a [u8] {
        let Some(at) = self.field(index) else {
            return &[];
        };
        let at = at + u32_at(self.bytes, at);
        &self.bytes[at + 4..][..u32_at(self.bytes, at) * size]
    }

    fn tables(self, index: usize) -> Vec<Self> {
        let Some(at) = self.field(index) else {
            return Vec::new();
        };
        let at = at + u32_at(self.bytes, at);
        let tables = (0..u32_at(self.bytes, at)).map(|i| {
            let at = at + 4 + 4 * i;
            let at = at + u32_at(self.bytes, at);
            Self { at, ..self }
        });
        tables.collect()
    }
}

pub struct Tensor<'a> {
    pub bytes: &'a [u8],
    pub scales: Vec<f32>,
    pub zero_points: Vec<i64>,
}

pub struct Layer<'a> {
    pub input: Tensor<'a>,
    pub weights: Tensor<'a>,
    pub biases: Tensor<'a>,
    pub output: Tensor<'a>,
    pub has_relu: bool,
}

pub fn numbers<const N: usize, T>(bytes: &[u8], from: impl Fn([u8; N]) -> T) -> Vec<T> {
    let chunks = bytes.chunks_exact(N);
    chunks
        .map(|chunk| from(chunk.try_into().unwrap()))
        .collect()
}

/// Returns the layers of a file in order.
pub fn layers(bytes: &[u8]) -> Vec<Layer<'_>> {
    let model = Table::root(bytes);
    let graph = model.tables(2)[0];
    let (tensors, buffers) = (graph.tables(0), model.tables(4));
    let codes = model.tables(1);
    let tensor = |index: usize| {
        let tensor: Table<'_> = tensors[index];
        let quantization = tensor.table(4);
        let vector = |field, size| quantization.map_or(&[][..], |q| q.vector(field, size));
        Tensor {
            bytes: buffers[tensor.number(2)].vector(0, 1),
            scales: numbers(vector(2, 4), f32::from_le_bytes),
            zero_points: numbers(vector(3, 8), i64::from_le_bytes),
        }
    };
    let operators = graph.tables(3).into_iter().map(|operator| {
        let code = codes[operator.number(0)];
        assert_eq!(code.byte(0), 9, "an operator is not FULLY_CONNECTED");
        let inputs = numbers(operator.vector(1, 4), u32::from_le_bytes);
        let outputs = numbers(operator.vector(2, 4), u32::from_le_bytes);
        let activation = operator.table(4).map_or(0, |options| options.byte(0));
        assert!(activation <= 1, "an activation is neither none nor ReLU");
        Layer {
            input: tensor(inputs[0] as usize),
            weights: tensor(inputs[1] as usize),
            biases: tensor(inputs[2] as usize),
            output: tensor(outputs[0] as usize),
            has_relu: activation == 1,
        }
    });
    operators.collect()
}
