using System;
using System.Diagnostics;
using System.IO;
using System.Text;
using Sonoran.Events;
using Xunit;

namespace Sonoran.Tests
{
    /// <summary>Every defect of the native file gives a sentence that says what to do.</summary>
    public class LoadTests
    {
        private static string Folder()
        {
            var folder = Path.Combine(Path.GetTempPath(), "sonoran-load-" + Guid.NewGuid().ToString("N"));
            Directory.CreateDirectory(folder);
            return folder;
        }

        private static string Message(string path)
        {
            var error = Assert.Throws<SonoranException>(() => SonoranLibrary.Load(path));
            Assert.Equal(0, error.Code);
            Assert.Equal("SONORAN_E_LOAD", error.Name);
            Assert.False(error.Message.Contains("\n"), error.Message);
            return error.Message;
        }

        private static string Written(byte[] bytes)
        {
            var path = Path.Combine(Folder(), "libsonoran.so");
            File.WriteAllBytes(path, bytes);
            return path;
        }

        /// <summary>Builds a small library from C.</summary>
        private static string Compiled(string source, string arguments = "")
        {
            var folder = Folder();
            var file = Path.Combine(folder, "stub.c");
            var library = Path.Combine(folder, "libsonoran.so");
            File.WriteAllText(file, source);
            using (var cc = Process.Start(new ProcessStartInfo("cc", "-shared -fPIC -o " + library + " " + file + " " + arguments) { UseShellExecute = false }))
            {
                cc.WaitForExit();
                Assert.Equal(0, cc.ExitCode);
            }
            return library;
        }

        [Fact]
        public void AFileThatIsNotThere()
        {
            var message = Message("/nowhere/libsonoran.so");
            Assert.Contains("There is no file /nowhere/libsonoran.so: give the path of libsonoran.so for linux-", message);
        }

        [Fact]
        public void AFolderWithoutTheLibrary()
        {
            var folder = Folder();
            var rid = Platform.Rid();
            Assert.Equal("The sonoran library for " + rid + " is missing: put it at " + folder + "/runtimes/" + rid + "/native/libsonoran.so or "
                + folder + "/libsonoran.so.", Message(folder));
        }

        [Fact]
        public void AFolderWithTheRuntimesLayout()
        {
            var folder = Folder();
            var native = Path.Combine(folder, "runtimes", Platform.Rid(), "native");
            Directory.CreateDirectory(native);
            var file = Path.Combine(native, "libsonoran.so");
            File.Copy(Hub.Needed("SONORAN_LIBRARY"), file);
            var library = SonoranLibrary.Load(folder);
            Assert.Equal(file, library.Path);
            Assert.Equal(Native.Library.Version, library.Version);
        }

        [Fact]
        public void TheSameFileTwiceIsOneLibrary()
        {
            Assert.True(ReferenceEquals(Native.Library, Native.Library));
            Assert.True(new Version(Native.Library.Version.Split('-')[0]) >= new Version(0, 1, 0), Native.Library.Version);
        }

        [Fact]
        public void AFileThatIsNoLibrary()
        {
            foreach (var text in new[] { "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "MZ" + new string('x', 100) })
            {
                var path = Written(Encoding.ASCII.GetBytes(text));
                Assert.Equal(path + " is not a library but some other kind of file, or was damaged: copy it again, in binary mode.", Message(path));
            }
        }

        [Fact]
        public void AFileThatIsNotComplete()
        {
            var whole = File.ReadAllBytes(Native.Library.Path);
            foreach (var length in new[] { 0, 1, 4, 63, 64, 4095, 4096, whole.Length / 2, whole.Length - 1 })
            {
                var part = new byte[length];
                Array.Copy(whole, part, length);
                var message = Message(Written(part));
                Assert.Contains(length == 0 ? " is empty: it is still being copied" : " is not complete, a part of its ", message);
                Assert.Contains("wait, or copy it again.", message);
            }
        }

        [Fact]
        public void ADllThatIsNotComplete()
        {
            var dll = new byte[0x700];
            dll[0] = (byte)'M';
            dll[1] = (byte)'Z';
            dll[60] = 128;
            new byte[] { (byte)'P', (byte)'E', 0, 0, 0x64, 0x86, 2 }.CopyTo(dll, 128); // two sections
            var optional = dll[128 + 20] = 240;
            for (var section = 0; section < 2; section++)
            {
                var at = 128 + 24 + optional + section * 40;
                dll[at + 17] = 2;                       // 0x200 bytes
                dll[at + 21] = (byte)(3 + section * 2); // at 0x300, and at 0x500
            }
            for (var length = 2; length <= dll.Length; length++)
            {
                var part = new byte[length];
                Array.Copy(dll, part, length);
                var image = BinaryImage.Parse(part);
                Assert.Equal("win", image.System);
                Assert.True(image.End > length || length == dll.Length, "complete with " + length + " bytes");
                if (length >= 1024) Assert.Equal("x64 " + dll.Length, image.Architecture + " " + image.End);
            }
        }

        /// <summary>No header makes the parser throw or loop for long.</summary>
        [Fact]
        public void AHeaderOfAnyBytes()
        {
            var random = new Random(1);
            foreach (var start in new[] { new byte[] { 0x7f, 69, 76, 70, 2 }, new byte[] { 0x7f, 69, 76, 70, 1 }, new byte[] { 77, 90 } })
                for (var i = 0; i < 2000; i++)
                {
                    var head = new byte[random.Next(2, 4097)];
                    random.NextBytes(head);
                    Array.Copy(start, head, Math.Min(start.Length, head.Length));
                    if (start[0] == 77 && head.Length > 200)
                    {
                        new byte[] { 128, 0, 0, 0 }.CopyTo(head, 60);
                        new[] { (byte)'P', (byte)'E' }.CopyTo(head, 128);
                    }
                    Assert.True(BinaryImage.Parse(head).End >= 0);
                }
        }

        [Fact]
        public void AFileThatStillGrows()
        {
            var whole = File.ReadAllBytes(Native.Library.Path);
            var path = Written(whole);
            using (var stop = new System.Threading.ManualResetEventSlim())
            {
                // Its length is already reserved, as some programs do.
                var copying = new System.Threading.Thread(() =>
                {
                    while (!stop.IsSet) File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
                });
                copying.Start();
                try
                {
                    Assert.Equal(path + " is being written to at this moment: wait until it is complete and try again.", Message(path));
                }
                finally
                {
                    stop.Set();
                    copying.Join();
                }
            }
            Assert.Equal(Native.Library.Version, SonoranLibrary.Load(path).Version);
        }

        /// <summary>Replacing a wrong file works without a new process.</summary>
        [Fact]
        public void TheRightFileInPlaceOfAWrongOne()
        {
            foreach (var source in new[] { "int something_else(void) { return 1; }", "const char *sonoran_version(void) { return \"0.0.9\"; }" })
            {
                var path = Compiled(source);
                Message(path);
                File.Delete(path);
                File.Copy(Native.Library.Path, path);
                var library = SonoranLibrary.Load(path);
                Assert.Equal(path, library.Path);
                Assert.Equal(Native.Library.Version, library.Version);
            }
        }

        [Theory]
        [InlineData(183, "linux-arm64")]
        [InlineData(3, "linux-x86")]
        [InlineData(40, "linux-arm")]
        public void AnotherArchitecture(int machine, string named)
        {
            var head = new byte[64];
            new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(head, 0);
            head[18] = (byte)machine;
            var path = Written(head);
            var rid = Platform.Rid();
            Assert.Equal(path + " is for " + named + ", this process is " + rid + ": take the file from runtimes/" + rid + "/native.", Message(path));
        }

        [Fact]
        public void AnotherSystem()
        {
            var head = new byte[256];
            head[0] = (byte)'M';
            head[1] = (byte)'Z';
            head[60] = 128;
            new byte[] { (byte)'P', (byte)'E', 0, 0, 0x64, 0x86 }.CopyTo(head, 128);
            Assert.Contains(" is for win-x64, this process is linux-", Message(Written(head)));
        }

        [Fact]
        public void AnotherCLibrary()
        {
            // Like a library built for musl in a glibc process: it needs a libc that does not exist.
            var libc = Compiled("int nothing;", "-nostdlib -Wl,-soname,libc.musl-x86_64.so.1");
            var path = Compiled("extern int nothing; int *sonoran_version(void) { return &nothing; }", "-nostdlib " + libc);
            var rid = Platform.Rid();
            var message = Message(path);
            Assert.StartsWith(path + " could not be loaded (", message);
            Assert.Contains("it is built for musl, this process runs on glibc: take the file from runtimes/" + rid + "/native.", message);
        }

        [Fact]
        public void AnotherLibrary()
        {
            var path = Compiled("int something_else(void) { return 1; }");
            Assert.Equal(path + " is a library but not sonoran: give the path of libsonoran.so.", Message(path));
        }

        [Fact]
        public void AnOldLibrary()
        {
            var path = Compiled("const char *sonoran_version(void) { return \"0.0.9\"; }");
            Assert.Equal(path + " is too old: it is version 0.0.9, needed is 0.1.0 or newer; replace the file and start the whole process again.", Message(path));
        }

        [Fact]
        public void ALibraryThatLacksAFunction()
        {
            var path = Compiled("const char *sonoran_version(void) { return \"0.1.0-rc.1\"; } int sonoran_connect(const char *o) { return o ? -3 : -1; }");
            Assert.Equal(path + " is too old: it is version 0.1.0-rc.1 and has no sonoran_poll_event, needed is 0.1.0 or newer; replace the file and start the whole process again.", Message(path));
        }

        [Theory]
        [InlineData("7f00-7f01 r--p 0 08:01 1 /opt/cfx-server/alpine/opt/cfx-server/ld-musl-x86_64.so.1\n", true)]
        [InlineData("7f00-7f01 r--p 0 08:01 1 /lib/libc.musl-x86_64.so.1\n", true)]
        [InlineData("7f00-7f01 r--p 0 08:01 1 /lib/x86_64-linux-gnu/libc.so.6\n", false)]
        [InlineData("", false)]
        public void MuslIsSeenInTheProcess(string maps, bool musl)
        {
            Assert.Equal(musl, Platform.IsMusl(maps));
        }
    }
}
