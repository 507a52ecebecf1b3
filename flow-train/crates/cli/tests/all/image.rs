//! Rows that are images.

use super::flow::Folder;

/// Images of 3 x 2 pixels from 0 to 8: a corner that is always black, a bar that is high or low, and noise.
fn bars() -> Folder {
    let mut state = 5_u32;
    let mut below = |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % most
    };
    let mut text = String::from("a,b,c,d,e,f\n");
    for _ in 0..900 {
        let (high, noise) = (below(2), below(3));
        let bar = [8 - noise, noise];
        let (top, bottom) = (bar[high as usize], bar[1 - high as usize]);
        text += &format!("0,{top},{top},{},{bottom},{bottom}\n", below(9));
    }
    Folder::new().with("bars.csv", text)
}

const TRAIN: &str = "train bars.csv -o bars.flow --domain *=bounded:0:8 --split random --family nsf \
                     --layers 3 --hidden 16 --epochs 30";

#[test]
fn images_are_learnt_measured_and_drawn() {
    let folder = bars();
    folder.flow(&format!("{TRAIN} --step *=1")).done();
    let report = folder.flow("eval bars.flow bars.csv --json").json();
    let bits = report["bits_per_dimension"]
        .as_f64()
        .expect("rounded columns");
    // Nothing for the corner, ln 9 for the noise, 1 + ln 3 for the bar: 0.96 bits a pixel. Pixels on their own
    // would take 2.25.
    assert!((0.96..1.9).contains(&bits), "{bits}");
    folder
        .flow("sample bars.flow -n 20 --image 3x2 --beside bars.csv -o bars.png")
        .done();
    let file = std::fs::File::open(folder.path().join("bars.png")).expect("a picture");
    let mut reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .expect("a picture");
    let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut pixels).expect("a picture");
    assert_eq!(info.color_type, png::ColorType::Grayscale);
    // Each image is 48 x 32, 8 apart; five across and four down, twice, an image apart.
    assert_eq!(
        (info.width, info.height),
        (2 * (5 * 56 + 8) + 56, 4 * 40 + 8)
    );
    let at = |x: usize, y: usize| pixels[y * info.width as usize + x];
    // The corner of the first real image, and of every one that was drawn.
    assert_eq!(at(8 + 4, 8 + 4), 0);
    let left = 5 * 56 + 8 + 56 + 8;
    for (row, column) in (0..4).flat_map(|row| (0..5).map(move |column| (row, column))) {
        let corner = at(left + column * 56 + 4, 8 + row * 40 + 4);
        assert!(corner < 24, "{row} {column}: {corner}");
    }
}

#[test]
fn what_can_be_no_image_is_told() {
    let folder = bars();
    let run = folder.flow(TRAIN);
    assert_eq!(run.code, Some(1));
    assert!(
        run.err.contains("column `a` is 0 in all") && run.err.contains("--step a=…"),
        "{}",
        run.err
    );
    for (steps, wanted) in [
        ("--step *=2", "no whole number of steps of 2 apart"),
        ("--step x=1", "--step x: the model has no such column"),
        ("--step a=0", "write COLUMN=STEP"),
        ("--step a=1 --keep-rounding", "cannot be used with"),
        (
            "--columns b,c --context a --step a=1",
            "--step a: the model has no such column",
        ),
    ] {
        let run = folder.flow(&format!("{TRAIN} {steps}"));
        assert!(
            run.code != Some(0) && run.err.contains(wanted),
            "{steps}: {}",
            run.err
        );
    }
    folder.flow(&format!("{TRAIN} --step *=1")).done();
    for (options, code, wanted) in [
        (
            "--image 2x2",
            2,
            "that is 4 pixels, and the model has 6 columns",
        ),
        ("--image 3", 2, "WIDTHxHEIGHT"),
        ("--beside bars.csv", 2, "--image"),
        ("--image 3x2 --beside none.csv", 1, "none.csv"),
    ] {
        let run = folder.flow(&format!("sample bars.flow -n 4 -o bars.png {options}"));
        assert!(
            run.code == Some(code) && run.err.contains(wanted),
            "{options}: {}",
            run.err
        );
    }
    let run = folder.flow("sample bars.flow -n 10001 --image 3x2 -o bars.png");
    assert!(
        run.code == Some(2) && run.err.contains("at most 10000"),
        "{}",
        run.err
    );
    assert!(!folder.names().contains(&"bars.png".to_owned()));
}

/// Images of 4 x 4 pixels of a class that is known: a bar that is in the upper or the lower half, and noise.
fn halves() -> Folder {
    let mut state = 9_u32;
    let mut below = |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % most
    };
    let names: Vec<String> = (0..16).map(|pixel| format!("p{pixel}")).collect();
    let mut text = format!("{},low\n", names.join(","));
    for _ in 0..1500 {
        let low = below(2);
        let bright = below(3);
        for pixel in 0..16 {
            let bar = u32::from(pixel >= 8) == low;
            let value = if bar { 6 + bright - below(2) } else { below(2) };
            text += &format!("{value},");
        }
        text += &format!("{low}\n");
    }
    Folder::new().with("halves.csv", text)
}

const CONVOLVE: &str = "train halves.csv -o halves.flow --context low --domain *=bounded:0:8 --step *=1 \
                        --split random --family nsf --image 4x4 --layers 2 --hidden 8 --bins 5 --epochs 60 \
                        --learning-rate 0.01";

#[test]
fn convolutions_learn_images_of_a_class_at_several_scales() {
    let folder = halves();
    folder
        .flow(&format!("{CONVOLVE} --linear --factor-out"))
        .done();
    let bits = |options: &str| {
        let run = folder.flow(&format!("eval halves.flow halves.csv --json {options}"));
        let report = run.json();
        report["bits_per_dimension"]
            .as_f64()
            .expect("rounded columns")
    };
    let even = bits("");
    // A bit for each pixel, and ln 3 for the brightness of the bar: 1.1 bits a pixel. Pixels on their own would take
    // more than 2.
    assert!((1.05..1.6).contains(&even), "{even}");
    folder
        .flow("sample halves.flow -n 50 --given low=1 --image 4x4 -o drawn.png")
        .done();
    folder
        .flow("sample halves.flow -n 50 --given low=1 -o drawn.csv")
        .done();
    let right = folder
        .read("drawn.csv")
        .lines()
        .skip(1)
        .filter(|line| {
            let pixels: Vec<f32> = line
                .split(',')
                .take(16)
                .map(|x| x.parse().unwrap())
                .collect();
            pixels[8..].iter().sum::<f32>() > pixels[..8].iter().sum::<f32>()
        })
        .count();
    assert!(right >= 48, "{right} of 50");
    let drawing = folder.flow("inspect halves.flow").done().out;
    for part in [
        "convolutional coupling",
        "2 planes of 2 × 2",
        "1×1 convolution",
        "kernels 3×3 1×1",
    ] {
        assert!(drawing.contains(part), "{part}: {drawing}");
    }
    // With offsets of its own in the cells the bound is closer, and both artefacts stay what they are.
    folder
        .flow(&format!("{CONVOLVE} --linear --dequantiser cells.flow"))
        .done();
    let learnt = bits("--dequantiser cells.flow");
    assert!(learnt > 1.05 && learnt < bits(""), "{learnt}");
    let before = [
        folder.read_bytes("halves.flow"),
        folder.read_bytes("cells.flow"),
    ];
    folder
        .flow(&format!("{CONVOLVE} --linear --dequantiser cells.flow"))
        .done();
    assert_eq!(
        before,
        [
            folder.read_bytes("halves.flow"),
            folder.read_bytes("cells.flow")
        ]
    );
    folder
        .flow("eval halves.flow halves.csv --dequantiser halves.flow")
        .fails_in_usage("halves.flow: this is no dequantiser of the model");
}

#[test]
fn the_class_of_an_image_may_be_a_category() {
    let folder = halves();
    folder
        .flow(&format!("{CONVOLVE} --linear --categorical low"))
        .done();
    folder
        .flow("sample halves.flow -n 40 --given low=1 -o drawn.csv")
        .done();
    let brighter = |line: &str| {
        let cells = line.split(',').take(16).map(|x| x.parse().unwrap());
        let pixels: Vec<f32> = cells.collect();
        pixels[8..].iter().sum::<f32>() > pixels[..8].iter().sum::<f32>()
    };
    let drawn = folder.read("drawn.csv");
    let right = drawn.lines().skip(1).filter(|line| brighter(line)).count();
    assert!(right >= 36, "{right} of 40");
    for (given, wanted) in [
        (
            "low=7",
            "--given low=7: the model knows the categories 0, 1",
        ),
        ("low=", "the model knows the categories 0, 1"),
        ("low", "write COLUMN=VALUE"),
    ] {
        folder
            .flow(&format!(
                "sample halves.flow -n 1 --given {given} -o no.csv"
            ))
            .fails_in_usage(wanted);
    }
    assert!(!folder.names().contains(&"no.csv".to_owned()));
}

#[test]
fn what_convolutions_cannot_take_is_told() {
    let folder = halves();
    for (options, wanted) in [
        (
            "--image 5x4",
            "an image of 5x4 pixels needs a multiple of 20 columns, got 16",
        ),
        ("--image 16x1", "can be halved 0 times, not 1 times"),
        (
            "--image 4x4 --scales 3",
            "can be halved 2 times, not 3 times",
        ),
        ("--image 4x4 --family maf", "nice, realnvp or nsf"),
        ("--image 4x4 --kernel 2", "odd side of at most 15, got 2"),
        ("--image 4x4 --hidden 300", "up to 255 features"),
        (
            "--image 4x4 --family auto",
            "--image: --family auto decides",
        ),
        ("--scales 2", "--image <WxH>"),
        ("--image 4x4 --noise", "cannot be used with"),
        (
            "--family auto --dequantiser cells.flow",
            "--dequantiser: --family auto decides",
        ),
        (
            "--dequantiser halves.flow",
            "-o halves.flow and --dequantiser halves.flow are one file",
        ),
    ] {
        let named = options.contains("--family");
        let family = if named { "" } else { "--family nsf" };
        let run = folder.flow(&format!(
            "train halves.csv -o halves.flow --context low --split random {family} {options}"
        ));
        assert!(
            run.code == Some(2) && run.err.contains(wanted),
            "{options}: {}",
            run.err
        );
    }
    let run = folder.flow("train halves.csv -o halves.flow --context low --keep-rounding --dequantiser cells.flow --family nsf");
    assert!(
        run.code == Some(2) && run.err.contains("cannot be used with"),
        "{}",
        run.err
    );
    assert_eq!(folder.names(), ["halves.csv"]);
}
