using System;
using System.Collections.Generic;
using System.Linq;
using System.Reflection;
using System.Threading.Tasks;

namespace CitizenFX.Core
{
    /// <summary>
    /// Runs tasks, and the tasks that these queue, on the thread that calls Run. Run is reentrant: a task
    /// that triggers an event runs the other queued tasks in its middle.
    /// </summary>
    internal sealed class MainThreadScheduler : TaskScheduler
    {
        private readonly List<Task> _queued = new List<Task>();

        public override int MaximumConcurrencyLevel
        {
            get { return 1; }
        }

        protected override void QueueTask(Task task)
        {
            lock (_queued) _queued.Add(task);
        }

        protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued)
        {
            return !taskWasPreviouslyQueued && TryExecuteTask(task);
        }

        protected override IEnumerable<Task> GetScheduledTasks()
        {
            lock (_queued) return _queued.ToArray();
        }

        internal void Run()
        {
            ScriptRuntime.WithoutFlow(() =>
            {
                while (true)
                {
                    Task[] tasks;
                    lock (_queued)
                    {
                        tasks = _queued.ToArray();
                        _queued.Clear();
                    }
                    if (tasks.Length == 0) return;
                    foreach (var task in tasks)
                        using (new ProfilerScope(() => "task"))
                        {
                            TryExecuteTask(task);
                            if (task.Exception != null) Debug.WriteLine("Exception thrown by a task: " + task.Exception);
                        }
                }
            });
        }

        /// <summary>
        /// Replaces .NET's default scheduler, as the runtime does for manifests below bodacious. A task of the default
        /// scheduler that blocks then blocks the server.
        /// </summary>
        internal void MakeDefault(TaskFactory factory)
        {
            const BindingFlags hidden = BindingFlags.Static | BindingFlags.NonPublic;
            typeof(TaskScheduler).GetField("s_defaultTaskScheduler", hidden).SetValue(null, this);
            var field = typeof(Task).GetField("<Factory>k__BackingField", hidden) ?? typeof(Task).GetField("s_factory", hidden);
            field.SetValue(null, factory);
        }
    }
}
