using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using System.Threading;

namespace Sonoran.Events
{
    /// <summary>Finds the native file to load, and says what is wrong with one that cannot be loaded.</summary>
    internal static class NativeFile
    {
        /// <summary>The absolute path of the library. <paramref name="path"/>: a file, a folder to search, or null for the usual places.</summary>
        internal static string Find(string path)
        {
            if (path != null && File.Exists(path)) return Path.GetFullPath(path);
            if (path != null && !Directory.Exists(path))
                throw new SonoranException("There is no file " + path + ": give the path of " + Platform.FileName + " for " + Platform.Rid() + ".");
            var rid = Platform.Rid();
            var tried = new List<string>();
            foreach (var folder in path != null ? new[] { path } : Folders())
            {
                foreach (var candidate in new[] { Path.Combine(folder, "runtimes", rid, "native", Platform.FileName), Path.Combine(folder, Platform.FileName) })
                {
                    if (File.Exists(candidate)) return Path.GetFullPath(candidate);
                    if (!tried.Contains(candidate)) tried.Add(candidate);
                }
            }
            throw new SonoranException("The sonoran library for " + rid + " is missing: put it at " + string.Join(" or ", tried.ToArray()) + ".");
        }

        private static IEnumerable<string> Folders()
        {
            var folders = new List<string>();
            // Empty for an assembly loaded from bytes, as FXServer does, or bundled into one file.
            var location = typeof(NativeFile).Assembly.Location;
            if (!string.IsNullOrEmpty(location)) folders.Add(Path.GetDirectoryName(location));
            folders.Add(AppDomain.CurrentDomain.BaseDirectory);
            // The .NET host's folders of NuGet native files that were not copied to the output.
            var hosted = AppDomain.CurrentDomain.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string;
            if (hosted != null) folders.AddRange(hosted.Split(new[] { Path.PathSeparator }, StringSplitOptions.RemoveEmptyEntries));
            return folders;
        }

        /// <summary>Rejects files that the loader rejects with an unhelpful message, or that end the process.</summary>
        internal static void Check(string path)
        {
            try
            {
                CheckImage(path, BinaryImage.Read(path));
                CheckSettled(path);
            }
            catch (Exception e) when (e is IOException || e is UnauthorizedAccessException)
            {
                throw new SonoranException(path + " cannot be read (" + e.Message.TrimEnd('.') + "): check its permissions.", e);
            }
        }

        private static void CheckImage(string path, BinaryImage image)
        {
            if (image.Length == 0)
                throw new SonoranException(path + " is empty: it is still being copied, or its copy was cut short; wait, or copy it again.");
            if (image.System == null)
                throw new SonoranException(path + " is not a library but some other kind of file, or was damaged: copy it again, in binary mode.");
            var rid = Platform.Rid();
            var parts = rid.Split('-');
            if (image.System != parts[0] || (image.Architecture ?? parts[parts.Length - 1]) != parts[parts.Length - 1])
                throw new SonoranException(path + " is for " + image.System + "-" + (image.Architecture ?? "?") + ", this process is " + rid + ": take the file from runtimes/" + rid + "/native.");
            // Leaves out the current length, so that the message stays the same while the copy grows.
            if (image.Length < image.End)
                throw new SonoranException(path + " is not complete, a part of its " + image.End + " bytes is missing: it is still being copied, or its copy was cut short; wait, or copy it again.");
        }

        /// <summary>
        /// Some programs reserve the whole length before they copy. So a file written to in the last two seconds is
        /// checked again after a moment; any other costs no time.
        /// </summary>
        private static void CheckSettled(string path)
        {
            const int recentMs = 2000, momentMs = 100;
            var before = new FileInfo(path);
            if (Math.Abs((DateTime.UtcNow - before.LastWriteTimeUtc).TotalMilliseconds) > recentMs) return;
            var length = before.Length;
            Thread.Sleep(momentMs);
            var after = new FileInfo(path);
            if (after.Length != length || after.LastWriteTimeUtc != before.LastWriteTimeUtc)
                throw new SonoranException(path + " is being written to at this moment: wait until it is complete and try again.");
        }

        /// <summary>The advice to add to the loader's message.</summary>
        internal static string Hint(string path)
        {
            var rid = Platform.Rid();
            if (Platform.Windows) return "check that it is complete and that no other program blocks it.";
            var text = Encoding.ASCII.GetString(File.ReadAllBytes(path));
            var glibc = text.Contains("libc.so.6\0");
            var musl = !glibc && (text.Contains("libc.so\0") || text.Contains("libc.musl-"));
            if (rid.Contains("musl") ? glibc : musl)
                return "it is built for " + (glibc ? "glibc" : "musl") + ", this process runs on " + (glibc ? "musl" : "glibc") + ": take the file from runtimes/" + rid + "/native.";
            return "take the file from runtimes/" + rid + "/native, or build the library on this machine.";
        }
    }
}
