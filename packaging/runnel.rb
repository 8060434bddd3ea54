# A Homebrew formula that builds Runnel from a checkout: `brew install --formula --HEAD packaging/runnel.rb`.
class Runnel < Formula
  desc "Run pipelines written in YAML: fetch, prompt, stream an agent's answer, transform, emit"
  homepage "https://runnel.invalid"
  head "file://#{File.expand_path("..", __dir__)}", using: :git, branch: "main"
  license "Apache-2.0"

  depends_on "pkgconf" => :build
  depends_on xcode: ["26.0", :build]
  depends_on "gumbo-parser"
  depends_on "jq"
  depends_on "libyaml"
  uses_from_macos "sqlite"

  def install
    system "swift", "build", "--disable-sandbox", "-c", "release", "--product", "runnel"
    bin.install ".build/release/runnel"
    (buildpath/"runnel.1").write Utils.safe_popen_read(bin/"runnel", "docs", "man")
    man1.install "runnel.1"
    generate_completions_from_executable(bin/"runnel", "--generate-completion-script")
  end

  service do
    run [opt_bin/"runnel", "serve"]
    working_dir var/"runnel"
    keep_alive true
    log_path var/"log/runnel.log"
    error_log_path var/"log/runnel.log"
  end

  test do
    system bin/"runnel", "init", "--in", "project"
    (testpath/"project/notes.txt").write "Runnel runs pipelines."
    cd "project" do
      system bin/"runnel", "run", "pipelines/hello", "--simulate", "--input-file", "notes.txt"
    end
  end
end
