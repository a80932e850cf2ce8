//! `FEEDFORWARD_SIMD`, tested in separate processes because it is read only once.

use std::env;
use std::process::Command;

use feedforward::activation::Identity;
use feedforward::gemm::{MatMut, MatRef, multiply};
use feedforward::loss::SquaredError;
use feedforward::optimizer::{Sgd, State};
use feedforward::simd::InstructionSet;
use feedforward::train::Lbfgs;
use feedforward::{GradientWorkspace, LayerSpec, Mlp, MlpRef, Neuron, Predictor, Result, Trainer};

const VARIABLE: &str = "FEEDFORWARD_SIMD";

/// Returns the result of every entry point.
fn entries() -> Vec<Result<()>> {
    let net = Mlp::<f32>::builder(1).output(1, Identity).build().unwrap();
    let neuron = Neuron::new([1.0], 0.0, Identity).unwrap();
    let layers = [LayerSpec::new(1, &Identity)];
    let borrowed = MlpRef::new(1, &layers, net.params()).unwrap();
    let (sgd, mut copy, x) = (Sgd::default(), net.clone(), [0.5]);
    let mut state = State::new(&sgd, net.layout()).unwrap();
    let (a, mut c) = (MatRef::new(&x, 1, 1).unwrap(), [0.0]);
    vec![
        Predictor::new(&net).map(drop),
        net.predict(&x).map(drop),
        borrowed.predict_into(&x, &mut [0.0], &mut [0.0; 2]),
        neuron.output(&x).map(drop),
        neuron.pre_activation(&x).map(drop),
        multiply(a, a, MatMut::new(&mut c, 1, 1).unwrap()),
        state.update(&sgd, 0.1, &mut [0.0; 2], &[0.0; 2]),
        GradientWorkspace::new(&net)
            .compute(&net, &x, &x, &SquaredError)
            .map(drop),
        GradientWorkspace::new(&net).jacobian(&net, &x).map(drop),
        GradientWorkspace::new(&net)
            .parameter_jacobian(&net, &x)
            .map(drop),
        GradientWorkspace::new(&net).for_each_jacobian_block(&net, &x, |_| Ok(())),
        borrowed.jacobian_into(&x, &mut [0.0], &mut [0.0; 4]),
        Trainer::new(SquaredError, sgd)
            .epochs(1)
            .fit(&mut copy, &x, &x)
            .map(drop),
        Lbfgs::new(SquaredError)
            .iterations(1)
            .fit(&mut copy, &x, &x)
            .map(drop),
    ]
}

/// The test below runs this one in a process with the variable set.
#[test]
fn child() {
    let Ok(expected) = env::var("FEEDFORWARD_EXPECTED") else {
        return;
    };
    let asked = env::var_os(VARIABLE).unwrap();
    let known: Vec<_> = InstructionSet::available()
        .map(InstructionSet::name)
        .collect();
    for entry in entries() {
        if expected == "ok" {
            entry.unwrap();
        } else {
            let message = entry.unwrap_err().to_string();
            let names = format!("{VARIABLE}, an instruction set of this CPU: expected one of ");
            assert!(message.starts_with(&names), "{message}");
            assert!(message.contains(&known.join(", ")), "{message}");
            assert!(message.len() < 400, "{message}");
        }
    }
    if expected == "ok" {
        let active = InstructionSet::active();
        assert!(asked.is_empty() || *active.name() == *asked, "{active}");
    } else {
        // Activating another set clears the error.
        InstructionSet::Portable.activate().unwrap();
        assert!(entries().iter().all(Result::is_ok));
    }
}

#[test]
#[cfg_attr(target_family = "wasm", ignore = "there are no processes")]
fn a_set_that_this_cpu_does_not_have_is_an_error() {
    let mut cases: Vec<_> = InstructionSet::ALL
        .map(|set| (set.name().to_owned(), set.is_available()))
        .into();
    cases.push((String::new(), true));
    for unknown in ["nonsense", "AVX2", "avx2 ", "0", &"x".repeat(10_000)] {
        cases.push((unknown.to_owned(), false));
    }
    for (name, is_known) in cases {
        let child = Command::new(env::current_exe().unwrap())
            .args(["child", "--exact"])
            .env(VARIABLE, &name)
            .env(
                "FEEDFORWARD_EXPECTED",
                if is_known { "ok" } else { "error" },
            )
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && text.contains("1 passed"),
            "{name:?}: {text}"
        );
    }
}
