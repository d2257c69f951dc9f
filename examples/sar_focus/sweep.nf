// sweep.nf - a grid with Nextflow, one task per training:
//
//   nextflow run sweep.nf --program BUILD/examples/sar_focus --grid configs/grid_short.json --outdir sweep \
//       --train_dir data/training --val_dir data/validation
//
// The trainings write into outdir themselves, so that a task that is run again goes on where it was; finished ones are
// left as they are. --options "..." is handed to every training, such as "--device cuda". DSL2, for
// Nextflow 22.04 or later, within the strict syntax of 26.04.

params.program   = 'build/examples/sar_focus'
params.grid      = "${projectDir}/configs/grid_short.json"
params.outdir    = 'sweep'
params.train_dir = 'data/training'
params.val_dir   = 'data/validation'
params.options   = ''
params.cpus      = 1

// Absolute and quoted: tasks run in folders of their own.
def at(name) {
  return "'${file(name).toAbsolutePath()}'"
}

def command() {
  return "${at(params.program)} sweep ${at(params.grid)} --out ${at(params.outdir)} " +
      "--train_dir ${at(params.train_dir)} --val_dir ${at(params.val_dir)} ${params.options}"
}

process list {
  output:
  path 'ids.txt'

  script:
  """
  ${command()} --list > ids.txt
  """
}

process train {
  tag "${id}"
  cpus { params.cpus as Integer }
  errorStrategy { task.attempt <= 3 ? 'retry' : 'ignore' }
  maxRetries 3

  input:
  val id

  output:
  val id

  script:
  """
  OMP_NUM_THREADS=${task.cpus} ${command()} --experiment_id ${id} --quiet
  """
}

process aggregate {
  input:
  val ids

  output:
  stdout

  script:
  """
  ${command()} --aggregate
  """
}

workflow {
  ids = list().splitText().map { line -> line.trim() }.filter { line -> line }
  aggregate(train(ids).collect()).view()
}
