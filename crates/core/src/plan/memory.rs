//! Where values lie: outside of the plan, or in its arena, where what is not alive at the same time shares memory.

use std::ops::Range;
use std::ptr;

use crate::dtype::{DType, Data, DataMut};
use crate::plan::buffer::{Buffer, LINE};
use crate::plan::keep::Kept;
use crate::plan::step::{Place, Step, Target, Written};
use crate::real::Real;

/// Who owns the elements of a storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// The plan.
    Arena,
    /// The plan: elements that never change.
    Constant(usize),
    /// Whoever runs the plan: the parameter with this number.
    Parameter(usize),
    /// Whoever runs the plan: what the optimizer remembers of a parameter.
    Memory {
        /// The parameter's number.
        parameter: usize,
        /// Which of its buffers.
        buffer: usize,
    },
    /// The plan: a copy of one of these two, see [`keep`](super::keep).
    Kept(usize),
}

/// A run of elements: what one step makes, or what comes from outside.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Of what type.
    pub dtype: DType,
    /// How many.
    pub elements: usize,
    /// Where.
    pub home: Home,
    /// How many copies there are, one a thread: usually one for all.
    pub copies: usize,
    /// For people: what it is, with its shape.
    pub label: String,
}

impl Storage {
    /// Bytes of an element, for floats of `T`.
    fn size<T>(&self) -> usize {
        match self.dtype {
            DType::Float32 => size_of::<T>(),
            DType::Int32 => size_of::<i32>(),
            DType::Uint8 | DType::Bool => 1,
        }
    }

    /// Bytes of one copy.
    pub fn bytes<T>(&self) -> usize {
        self.elements * self.size::<T>()
    }

    /// Lines that all copies take.
    pub fn lines<T>(&self) -> usize {
        self.bytes::<T>().div_ceil(LINE) * self.copies
    }

    /// Elements from a copy to the next.
    pub fn pitch<T>(&self) -> usize {
        self.bytes::<T>().div_ceil(LINE) * LINE / self.size::<T>()
    }
}

/// Lines of the arena that each storage has; empty for those that lie elsewhere.
#[derive(Debug, Default)]
pub struct Assignment {
    /// By storage.
    pub lines: Vec<Range<usize>>,
    /// How many lines there are.
    pub total: usize,
}

/// From the step that writes a storage first to the one that uses it last. What is there `before` the first step, or is
/// wanted `after` the last, lives from the start or to the end.
pub fn lives<T: Real>(
    storages: &[Storage],
    steps: &[Step<T>],
    before: &[usize],
    after: &[usize],
) -> Vec<Range<usize>> {
    (0..storages.len())
        .map(|storage| {
            let used = |step: &Step<T>| step.uses(storage) || step.writes(storage);
            let first = if before.contains(&storage) { Some(0) } else { steps.iter().position(used) };
            let last =
                if after.contains(&storage) { Some(steps.len()) } else { steps.iter().rposition(used) };
            match (first, last) {
                (Some(first), Some(last)) => first..last.max(first) + 1,
                (Some(first), None) => first..first + 1,
                _ => 0..0,
            }
        })
        .collect()
}

/// Gives every storage of the arena its lines: the largest first, each at the lowest place that nobody has while it
/// lives.
pub fn assign<T: Real>(storages: &[Storage], lives: &[Range<usize>]) -> Assignment {
    let overlap = |a: &Range<usize>, b: &Range<usize>| a.start < b.end && b.start < a.end;
    let mut order: Vec<usize> = (0..storages.len()).filter(|&s| storages[s].home == Home::Arena).collect();
    order.sort_unstable_by_key(|&s| (std::cmp::Reverse(storages[s].lines::<T>()), s));
    let mut assignment = Assignment { lines: vec![0..0; storages.len()], total: 0 };
    let mut placed: Vec<usize> = Vec::new();
    for storage in order {
        let length = storages[storage].lines::<T>();
        let mut taken: Vec<Range<usize>> = placed
            .iter()
            .filter(|&&other| overlap(&lives[other], &lives[storage]))
            .map(|&other| assignment.lines[other].clone())
            .collect();
        taken.sort_unstable_by_key(|lines| lines.start);
        let mut start = 0;
        for lines in taken {
            if start + length <= lines.start {
                break;
            }
            start = start.max(lines.end);
        }
        assignment.lines[storage] = start..start + length;
        assignment.total = assignment.total.max(start + length);
        placed.push(storage);
    }
    assignment
}

/// What comes from outside in a step. Nobody else may use it while it is lent.
#[derive(Debug)]
pub struct Bindings<'a, T> {
    parameters: Vec<Lent<T>>,
    memories: Vec<Vec<Lent<T>>>,
    writable: bool,
    of: std::marker::PhantomData<&'a mut T>,
}

/// A slice whose borrow the [`Bindings`] hold.
#[derive(Clone, Copy, Debug)]
struct Lent<T> {
    data: *mut T,
    length: usize,
}

// SAFETY: as the slices that were lent.
unsafe impl<T: Send> Send for Bindings<'_, T> {}

impl<'a, T: Real> Bindings<'a, T> {
    /// Parameters to be read only: for plans that do not train.
    pub fn reading(parameters: impl IntoIterator<Item = &'a [T]>) -> Self {
        let lent = |x: &'a [T]| Lent { data: x.as_ptr().cast_mut(), length: x.len() };
        let parameters = parameters.into_iter().map(lent).collect();
        Self { parameters, memories: Vec::new(), writable: false, of: std::marker::PhantomData }
    }

    /// Parameters, and what the optimizer remembers of each, to be changed.
    pub fn writing(
        parameters: impl IntoIterator<Item = &'a mut [T]>,
        memories: impl IntoIterator<Item = Vec<&'a mut [T]>>,
    ) -> Self {
        let lent = |x: &'a mut [T]| Lent { data: x.as_mut_ptr(), length: x.len() };
        let parameters = parameters.into_iter().map(lent).collect();
        let memories = memories.into_iter().map(|buffers| buffers.into_iter().map(lent).collect()).collect();
        Self { parameters, memories, writable: true, of: std::marker::PhantomData }
    }

    /// Whether what is lent may be changed.
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// The elements of an outside home, if they are there and as many.
    fn find(&self, home: Home, elements: usize) -> Option<*mut T> {
        let lent = match home {
            Home::Parameter(i) => self.parameters.get(i),
            Home::Memory { parameter, buffer } => self.memories.get(parameter)?.get(buffer),
            Home::Arena | Home::Constant(_) | Home::Kept(_) => None,
        }?;
        (lent.length == elements).then_some(lent.data)
    }
}

/// The elements of a constant, or of data.
#[derive(Debug)]
pub enum Constant<T> {
    /// Floating point.
    Real(Buffer<T>),
    /// Integers.
    Int(Buffer<i32>),
    /// Bytes.
    Byte(Buffer<u8>),
}

impl<T: Real> Constant<T> {
    /// A copy.
    pub fn copy(data: Data<'_, T>) -> Self {
        match data {
            Data::Real(x) => Constant::Real(Buffer::from_slice(x)),
            Data::Int(x) => Constant::Int(Buffer::from_slice(x)),
            Data::Byte(x) => Constant::Byte(Buffer::from_slice(x)),
        }
    }

    /// Room for as many elements, of which none is there yet.
    pub fn with_capacity(dtype: DType, elements: usize) -> Self {
        match dtype {
            DType::Float32 => Constant::Real(Buffer::with_capacity(elements)),
            DType::Int32 => Constant::Int(Buffer::with_capacity(elements)),
            DType::Uint8 | DType::Bool => Constant::Byte(Buffer::with_capacity(elements)),
        }
    }

    /// Adds a copy of elements; false if they are of another type.
    #[must_use]
    pub fn append(&mut self, data: Data<'_, T>) -> bool {
        match (self, data) {
            (Constant::Real(x), Data::Real(data)) => x.append(data),
            (Constant::Int(x), Data::Int(data)) => x.append(data),
            (Constant::Byte(x), Data::Byte(data)) => x.append(data),
            _ => return false,
        }
        true
    }

    /// Has the system provide the memory of what is not there yet.
    pub fn touch(&mut self) {
        match self {
            Constant::Real(x) => x.touch(),
            Constant::Int(x) => x.touch(),
            Constant::Byte(x) => x.touch(),
        }
    }

    /// The elements.
    pub fn data(&self) -> Data<'_, T> {
        match self {
            Constant::Real(x) => Data::Real(x.as_slice()),
            Constant::Int(x) => Data::Int(x.as_slice()),
            Constant::Byte(x) => Data::Byte(x.as_slice()),
        }
    }

    fn start(&self) -> *mut u8 {
        match self {
            Constant::Real(x) => x.as_slice().as_ptr().cast_mut().cast(),
            Constant::Int(x) => x.as_slice().as_ptr().cast_mut().cast(),
            Constant::Byte(x) => x.as_slice().as_ptr().cast_mut().cast(),
        }
    }
}

/// The memory of a plan: an arena, constants, and where each storage begins.
#[derive(Debug)]
pub struct Memory<T> {
    storages: Vec<Storage>,
    /// Reached through `starts` alone; empty until it is wanted.
    arena: Buffer<u8>,
    assignment: Assignment,
    constants: Vec<Constant<T>>,
    kept: Vec<(Kept, Buffer<T>)>,
    starts: Vec<*mut u8>,
}

// SAFETY: the pointers lead into buffers of its own, or into what was bound for the length of a step.
unsafe impl<T: Send> Send for Memory<T> {}

impl<T: Real> Memory<T> {
    /// With an arena as large as assigned, which is there from [`Memory::provide`] on.
    pub fn new(
        storages: Vec<Storage>,
        assignment: Assignment,
        constants: Vec<Constant<T>>,
        kept: Vec<Kept>,
    ) -> Self {
        let mut kept: Vec<(Kept, Buffer<T>)> = kept
            .into_iter()
            .map(|kept| (kept.elements(), kept))
            .map(|(n, kept)| (kept, Buffer::new(n)))
            .collect();
        let starts = storages
            .iter()
            .map(|storage| match storage.home {
                Home::Constant(i) => constants[i].start(),
                Home::Kept(i) => kept[i].1.as_mut_slice().as_mut_ptr().cast(),
                Home::Arena | Home::Parameter(_) | Home::Memory { .. } => ptr::null_mut(),
            })
            .collect();
        Self { storages, arena: Buffer::new(0), assignment, constants, kept, starts }
    }

    /// Makes the arena, unless it is there: on the thread that will use it, and not for a plan that only others are made of.
    pub fn provide(&mut self) {
        if self.arena.as_slice().len() == self.arena_bytes() {
            return;
        }
        self.arena = Buffer::new(self.arena_bytes());
        let base = self.arena.as_mut_slice().as_mut_ptr();
        for ((storage, lines), start) in
            self.storages.iter().zip(&self.assignment.lines).zip(&mut self.starts)
        {
            if storage.home == Home::Arena {
                *start = base.wrapping_add(lines.start * LINE);
            }
        }
    }

    /// What there is.
    pub fn storages(&self) -> &[Storage] {
        &self.storages
    }

    /// The constants.
    pub fn constants(&self) -> &[Constant<T>] {
        &self.constants
    }

    /// Bytes of the arena.
    pub fn arena_bytes(&self) -> usize {
        self.assignment.total * LINE
    }

    /// Takes what comes from outside; false if something is missing or has another size.
    #[must_use]
    pub fn bind(&mut self, bindings: &Bindings<'_, T>) -> bool {
        self.provide();
        self.storages.iter().zip(&mut self.starts).all(|(storage, start)| match storage.home {
            Home::Arena | Home::Constant(_) | Home::Kept(_) => true,
            Home::Parameter(_) | Home::Memory { .. } => {
                *start = bindings.find(storage.home, storage.elements).unwrap_or(ptr::null_mut()).cast();
                !start.is_null()
            }
        })
    }

    /// Whether what is kept is free of NaN and infinities.
    pub fn is_finite(&self) -> bool {
        // 0·x is 0 or NaN. All of them, for a loop that may end early is no vector instructions.
        let finite = |x: &[T]| x.iter().fold(true, |finite, &x| finite & (x * T::ZERO == T::ZERO));
        self.kept.iter().all(|(_, buffer)| finite(buffer.as_slice()))
    }

    /// Copies what is kept from where it comes; false if something is missing or has another size.
    #[must_use]
    pub fn load(&mut self, bindings: &Bindings<'_, T>) -> bool {
        self.kept.iter_mut().all(|(kept, buffer)| {
            let Some(from) = bindings.find(kept.from, kept.elements()) else { return false };
            // SAFETY: as many elements, which the bindings have borrowed.
            kept.load(unsafe { std::slice::from_raw_parts(from, kept.elements()) }, buffer.as_mut_slice());
            true
        })
    }

    /// Copies what is kept to where it came from; false if that is missing or has another size.
    #[must_use]
    pub fn unload(&mut self, bindings: &Bindings<'_, T>) -> bool {
        self.kept.iter().all(|(kept, buffer)| {
            let Some(to) = bindings.find(kept.from, kept.elements()) else { return false };
            // SAFETY: as above, mutably, as the caller has seen.
            kept.unload(buffer.as_slice(), unsafe { std::slice::from_raw_parts_mut(to, kept.elements()) });
            true
        })
    }

    /// The elements of a storage from a place on; of all copies, where there are several.
    ///
    /// # Safety
    /// The storage is bound, holds what some step has written, and is not written meanwhile.
    pub unsafe fn read(&self, place: Place) -> Data<'_, T> {
        let storage = &self.storages[place.storage];
        let Storage { dtype, elements, copies, .. } = *storage;
        let length = (copies - 1) * storage.pitch::<T>() + elements - place.offset;
        // SAFETY: the start of as many elements, aligned for them; shared by the caller's promise.
        unsafe {
            let start: *mut u8 = self.starts[place.storage];
            assert!(!start.is_null(), "nothing has been written yet");
            match dtype {
                DType::Float32 => Data::Real(slice(start, place.offset, length)),
                DType::Int32 => Data::Int(slice(start, place.offset, length)),
                DType::Uint8 | DType::Bool => Data::Byte(slice(start, place.offset, length)),
            }
        }
    }

    /// The elements of a storage, to be written.
    ///
    /// # Safety
    /// The storage is bound, and nobody else reads or writes it, or what shares its memory, meanwhile.
    pub unsafe fn write(&self, target: Target) -> Written<'_, T> {
        // SAFETY: the caller's promise; steps write what has no other copy.
        unsafe { self.write_copy(target, 0) }
    }

    /// As [`Memory::write`], of one copy.
    ///
    /// # Safety
    /// As there, of this copy.
    pub unsafe fn write_copy(&self, target: Target, copy: usize) -> Written<'_, T> {
        let storage = &self.storages[target.storage];
        let Storage { dtype, elements, .. } = *storage;
        assert!(copy < storage.copies, "there is no such copy");
        let lines = copy * storage.bytes::<T>().div_ceil(LINE);
        let start: *mut u8 = self.starts[target.storage];
        assert!(!start.is_null(), "there is no memory yet");
        let start = start.wrapping_add(lines * LINE);
        // SAFETY: as in `read`; exclusive by the caller's promise.
        let data = unsafe {
            match dtype {
                DType::Float32 => DataMut::Real(std::slice::from_raw_parts_mut(start.cast(), elements)),
                DType::Int32 => DataMut::Int(std::slice::from_raw_parts_mut(start.cast(), elements)),
                DType::Uint8 | DType::Bool => DataMut::Byte(std::slice::from_raw_parts_mut(start, elements)),
            }
        };
        Written { data, mode: target.mode }
    }
}

/// `length` elements from number `offset` on.
///
/// # Safety
/// They are there, and nobody writes them during `'a`.
unsafe fn slice<'a, U>(start: *mut u8, offset: usize, length: usize) -> &'a [U] {
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start.cast::<U>().add(offset), length) }
}
