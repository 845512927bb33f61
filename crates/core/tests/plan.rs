//! A session trains: what it does to parameters, when it stops, and that a step allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrograd_core::data::gather::Normalization;
use ferrograd_core::plan::{Column, Control, Epoch, Manner, Outcome, Program, Session, Stopped, Streams};
use ferrograd_core::{DType, Data, ErrorKind, optim, pool};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tests run one at a time: they count what the whole process allocates.
static ALONE: Mutex<()> = Mutex::new(());

const CLASSES: usize = 4;
const PIXELS: usize = 40;
const HIDDEN: usize = 300;

/// Two dense layers with relu and dropout between them; images of bytes, and labels of integers or bytes.
fn program(batch: usize, train: bool, labels: &str) -> Program {
    let dropout = if train { r#"{"op":"dropout","attributes":{"p":0.25},"inputs":[9,6]},"# } else { "" };
    let last = 9 + usize::from(train);
    Program::parse(&format!(
        r#"{{"leaves": [
            {{"kind":"input","index":0,"dtype":"float32","shape":[{batch},1,8,5]}},
            {{"kind":"input","index":1,"dtype":"{labels}","shape":[{batch}]}},
            {{"kind":"parameter","index":0,"dtype":"float32","shape":[{HIDDEN},{PIXELS}],"trainable":true}},
            {{"kind":"parameter","index":1,"dtype":"float32","shape":[{HIDDEN}],"trainable":true}},
            {{"kind":"parameter","index":2,"dtype":"float32","shape":[{CLASSES},{HIDDEN}],"trainable":true}},
            {{"kind":"parameter","index":3,"dtype":"float32","shape":[{CLASSES}],"trainable":true}},
            {{"kind":"seed","index":0,"dtype":"int32","shape":[4]}}],
          "nodes": [
            {{"op":"view","attributes":{{"shape":[-1,{PIXELS}]}},"inputs":[0]}},
            {{"op":"linear","attributes":{{}},"inputs":[7,2,3]}},
            {{"op":"relu","attributes":{{}},"inputs":[8]}},
            {dropout}
            {{"op":"linear","attributes":{{}},"inputs":[{last},4,5]}},
            {{"op":"crossEntropy","attributes":{{}},"inputs":[{0},1]}}],
          "output": {0}, "loss": {1}, "train": {train},
          "metrics": [{{"name":"accuracy","output":{0},"target":1}}]}}"#,
        last + 1,
        last + 2,
    ))
    .unwrap()
}

const ITEMS: usize = 203;

/// Images whose brightest quarter is their class.
fn images() -> (Vec<u8>, Vec<i32>) {
    let labels: Vec<i32> = (0..ITEMS).map(|i| (i * 7 % CLASSES) as i32).collect();
    let images = (0..ITEMS * PIXELS)
        .map(|at| {
            let (item, pixel) = (at / PIXELS, at % PIXELS);
            let bright = pixel / 10 == labels[item] as usize;
            (if bright { 150 } else { 20 } + at * 31 % 100) as u8
        })
        .collect();
    (images, labels)
}

struct Trainer {
    session: Session,
    plans: (usize, Option<usize>),
    control: Control,
    order: Vec<i32>,
}

const BATCH: usize = 50;

impl Trainer {
    fn new(rule: &str, options: &str, train: bool, labels: &str, wrong: Option<i32>) -> Self {
        let mut session = Session::new(&[HIDDEN * PIXELS, HIDDEN, CLASSES * HIDDEN, CLASSES]);
        session.set_groups(vec![(optim::parse(rule, options).unwrap(), vec![0, 1, 2, 3])]).unwrap();
        for (number, parameter) in session.values().unwrap().0.into_iter().enumerate() {
            let wave = |i: usize| ((i * 37 % 101) as f32 / 101.0 - 0.5) * 0.2;
            parameter.iter_mut().enumerate().for_each(|(i, x)| *x = wave(i + number));
        }
        let plans =
            [BATCH, ITEMS % BATCH].map(|batch| session.compile(&program(batch, train, labels), &[]).unwrap());
        let (images, mut targets) = images();
        if let Some(wrong) = wrong {
            targets[120] = wrong;
        }
        let bytes: Vec<u8> = targets.iter().map(|&label| label as u8).collect();
        let targets = if labels == "int32" { Data::Int(&targets) } else { Data::Byte(&bytes) };
        let normalization = Normalization::new(255.0, &[0.5], &[0.5]).unwrap();
        let label = if labels == "int32" { DType::Int32 } else { DType::Uint8 };
        let columns = [
            Column::new(DType::Uint8, images.len(), PIXELS, Some(normalization)),
            Column::new(label, targets.len(), 1, None),
        ];
        let data = session.add_data(columns.into_iter().collect::<Result<_, _>>().unwrap());
        session.touch_data(data).unwrap();
        let [first, second] = session.columns(data).unwrap() else { panic!("two columns") };
        images.chunks(3001).for_each(|piece| first.append(Data::Byte(piece)).unwrap());
        second.append(targets).unwrap();
        let order = (0..ITEMS as i32).collect();
        Self { session, plans: (plans[0], Some(plans[1])), control: Control::default(), order }
    }

    fn epoch(&mut self) -> ferrograd_core::Result<Outcome> {
        let epoch = Epoch { plans: self.plans, data: 0, order: &self.order, batch: BATCH };
        let manner = Manner { streams: Streams { seed: 3, first: 8 }, allow_non_finite: false };
        self.session.run(&epoch, manner, &self.control)
    }

    fn parameters(&mut self) -> Vec<Vec<f32>> {
        self.session.values().unwrap().0.into_iter().map(|x| x.to_vec()).collect()
    }
}

const SGD: &str = r#"{"lr": 0.2}"#;

#[test]
fn a_session_learns() {
    let _alone = ALONE.lock();
    for options in [SGD, r#"{"lr": 0.1, "momentum": 0.9, "weightDecay": 0.001}"#] {
        let mut trainer = Trainer::new("sgd", options, true, "int32", None);
        let first = trainer.epoch().unwrap();
        assert_eq!((first.steps, first.samples, first.losses.len()), (5, ITEMS, 5));
        assert_eq!(first.stopped, Stopped::Done);
        assert_eq!(trainer.control.progress().0, 5);
        let mut last = first.clone();
        for _ in 0..30 {
            last = trainer.epoch().unwrap();
        }
        assert!(last.losses[0] < 0.3 * first.losses[0], "{last:?}");
        assert!(last.metrics[0] > 0.95 * ITEMS as f64 && last.metrics[0] > first.metrics[0], "{last:?}");
    }
}

#[test]
fn the_same_bits_twice_whatever_the_machine_does() {
    let _alone = ALONE.lock();
    let run = || {
        pool::with_num_threads(2, || {
            let mut trainer = Trainer::new("sgd", r#"{"lr": 0.1, "momentum": 0.5}"#, true, "uint8", None);
            let losses: Vec<Vec<f32>> = (0..3).map(|_| trainer.epoch().unwrap().losses).collect();
            (losses, trainer.parameters())
        })
    };
    let alone = run();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let crowded = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let crowded = run();
        stop.store(true, Ordering::Relaxed);
        crowded
    });
    assert!(alone == crowded);
}

#[test]
fn threads_agree() {
    let _alone = ALONE.lock();
    let run = |threads| {
        pool::with_num_threads(threads, || {
            let mut trainer = Trainer::new("sgd", SGD, true, "int32", None);
            let losses = (0..3).flat_map(|_| trainer.epoch().unwrap().losses).collect();
            [vec![losses], trainer.parameters()].concat().concat()
        })
    };
    let one: Vec<f32> = run(1);
    for threads in [2, 3, 5] {
        let several = run(threads);
        assert!(one.iter().zip(&several).all(|(a, b)| (a - b).abs() < 1e-5), "{threads} threads");
    }
}

#[test]
fn evaluation_changes_nothing() {
    let _alone = ALONE.lock();
    let mut trainer = Trainer::new("sgd", SGD, false, "int32", None);
    let before = trainer.parameters();
    let outcome = trainer.epoch().unwrap();
    assert_eq!((outcome.steps, outcome.samples), (5, ITEMS));
    assert_eq!(trainer.parameters(), before);
    assert_eq!(trainer.epoch().unwrap().losses, outcome.losses);
}

#[test]
fn threads_that_evaluate_take_a_batch_each() {
    let _alone = ALONE.lock();
    let run = |threads, wrong| {
        pool::with_num_threads(threads, || {
            let mut trainer = Trainer::new("sgd", SGD, false, "int32", wrong);
            let outcome = trainer.epoch().map(|outcome| Outcome { seconds: 0.0, ..outcome });
            (outcome, trainer.control.progress())
        })
    };
    let (one, (steps, samples, loss)) = run(1, None);
    let one = one.unwrap();
    for threads in [2, 3, 9] {
        let (several, progress) = run(threads, None);
        assert_eq!(several.unwrap(), one, "{threads} threads");
        assert_eq!((progress.0, progress.1), (steps, samples));
        assert!((progress.2 - loss).abs() < 1e-9);
        let error = run(threads, Some(CLASSES as i32)).0.unwrap_err();
        assert_eq!(error.message, run(1, Some(CLASSES as i32)).0.unwrap_err().message);
    }
    // What is not finite ends it where it would end on one thread.
    for threads in [1, 2, 3] {
        pool::with_num_threads(threads, || {
            let mut trainer = Trainer::new("sgd", SGD, false, "int32", None);
            trainer.session.values().unwrap().0[3][0] = f32::INFINITY;
            let outcome = trainer.epoch().unwrap();
            assert_eq!((outcome.stopped, outcome.steps), (Stopped::NonFinite, 0));
        });
    }
}

#[test]
fn a_wrong_label_ends_the_run_at_the_step_before() {
    let _alone = ALONE.lock();
    let mut right = Trainer::new("sgd", SGD, true, "int32", None);
    right.order.truncate(2 * BATCH); // the wrong one is in the third batch
    right.epoch().unwrap();
    let mut wrong = Trainer::new("sgd", SGD, true, "int32", Some(CLASSES as i32));
    let error = wrong.epoch().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Index);
    assert!(error.message.contains("label 4 at position 20"), "{error}");
    assert_eq!(wrong.parameters(), right.parameters());
}

#[test]
fn a_loss_that_is_not_finite_ends_the_run_before_its_step() {
    let _alone = ALONE.lock();
    let mut trainer = Trainer::new("sgd", SGD, true, "int32", None);
    trainer.session.values().unwrap().0[3][0] = f32::NAN;
    let before = trainer.parameters();
    let outcome = trainer.epoch().unwrap();
    assert_eq!((outcome.stopped, outcome.steps), (Stopped::NonFinite, 0));
    let bits = |all: Vec<Vec<f32>>| -> Vec<u32> { all.concat().iter().map(|x| x.to_bits()).collect() };
    assert_eq!(bits(trainer.parameters()), bits(before));
}

#[test]
fn an_aborted_run_ends_after_its_step() {
    let _alone = ALONE.lock();
    let mut trainer = Trainer::new("sgd", SGD, true, "int32", None);
    trainer.control.abort();
    let outcome = trainer.epoch().unwrap();
    assert_eq!((outcome.stopped, outcome.steps), (Stopped::Aborted, 0));
    trainer.control.reset();
    assert_eq!(trainer.epoch().unwrap().stopped, Stopped::Done);
}

#[test]
fn a_step_allocates_nothing() {
    let _alone = ALONE.lock();
    for (labels, threads) in [("int32", 1), ("int32", 2), ("uint8", 2)] {
        for options in [SGD, r#"{"lr": 0.1, "momentum": 0.9}"#] {
            let mut trainer = Trainer::new("sgd", options, true, labels, None);
            let mut allocations = |epochs: usize| {
                trainer.order = (0..epochs).flat_map(|_| 0..(ITEMS / BATCH * BATCH) as i32).collect();
                let before = ALLOCATIONS.load(Ordering::Relaxed);
                trainer.epoch().unwrap();
                ALLOCATIONS.load(Ordering::Relaxed) - before
            };
            pool::with_num_threads(threads, || {
                // The least of several: workers start when they are needed, and scratch memory has to find its size.
                let mut least = |epochs| (0..4).map(|_| allocations(epochs)).min();
                assert_eq!(least(2), least(40), "{labels}, {threads} threads, {options}");
            });
        }
    }
}

#[test]
fn data_is_used_once_all_of_it_is_there() {
    let _alone = ALONE.lock();
    let mut trainer = Trainer::new("sgd", r#"{"lr":0.1}"#, true, "int32", None);
    let column = || Column::new(DType::Uint8, 4 * PIXELS, PIXELS, None).unwrap();
    let data = trainer.session.add_data(vec![column(), column()]);
    let mut append = |field: usize, piece| trainer.session.columns(data).unwrap()[field].append(piece);
    append(0, Data::Byte(&[7; 4 * PIXELS])).unwrap();
    append(1, Data::Byte(&[7; PIXELS])).unwrap();
    assert!(append(0, Data::Byte(&[7])).is_err(), "it is full");
    assert!(append(1, Data::Real(&[7.0])).is_err(), "of another type");
    assert!(append(1, Data::Byte(&[7; 4 * PIXELS])).is_err(), "more than is missing");
    let epoch = Epoch { plans: trainer.plans, data, order: &[0, 1], batch: BATCH };
    let error = trainer.session.run(&epoch, Manner::default(), &trainer.control).unwrap_err();
    assert!(error.message.contains("not there yet"), "{error}");
}
